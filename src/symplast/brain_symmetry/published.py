"""Facts that are published about the set and about other methods, with their sources."""

T1_VOLUMES = 492
T2_VOLUMES = 558
"""Volumes: 1050 [paper]; their split follows from the card's 1476 and 1674 images, three a volume [card]."""

EXAMPLE_LINE = ((49.06, 143.91), (243.12, 146.09))
"""A midline of the set, pixels (x, y) [card]."""

EXPERT_DEG = 1.08
"""Expert level of a landmark method, 2014 [lit]."""

REHMAN_DEG, REHMAN_VOXELS, REHMAN_S = 0.06, 0.336, 1.04
"""Rehman and Lee 2018: mean angle, mean offset, seconds a volume, 157 T1w scans [lit]."""

CLASSIFIERS = {
    "ResNet18": 0.7753,
    "VGG19": 0.7785,
    "MobileNetV3": 0.6424,
    "ResNeXt101": 0.5316,
    "EfficientNetV2": 0.4968,
}
"""Accuracy of the related code's networks at side index 5 (23 px), 316 test images, split by image [code]."""
