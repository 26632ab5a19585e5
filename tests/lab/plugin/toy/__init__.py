"""A small system for the tests of the lab, announced as a plug-in would be."""
