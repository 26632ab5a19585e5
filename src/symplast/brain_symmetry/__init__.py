from symplast.brain_symmetry.midplane import MidPlane, find_midplane
from symplast.brain_symmetry.phantom import NeoPhantom
from symplast.brain_symmetry.planes import Plane, rigid_motion
from symplast.brain_symmetry.volume import Volume
