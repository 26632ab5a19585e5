"""Numbers that the authors' public notebooks print, as data: mean epochs to a training loss of 1e-3, tanh, 10 inits.

Means over runs that include censored ones; full random mini-batches of 10 and a grid of epochs in steps of 12 %.
"""

GRADIENT_BY_FLIPS = (2540.0, 2912.0)
"""Least and largest mean of gradient descent in the runs of Fig. 5f."""

EPOCHS_BY_FLIPS: dict[int, float] = {
    1: 1215, 2: 1635, 3: 1451, 4: 2262, 5: 2627, 6: 3854, 7: 4703, 8: 5568, 9: 7903,
}  # fmt: skip
"""Flipped hidden units (of 10) -> mean epochs, Fig. 5f; with all ten flipped never within 1e5."""

GRADIENT_WITHOUT_NORM = (1251.0, 1541.0)
EPOCHS_WITHOUT_NORM: dict[int, float] = {
    1: 1173, 2: 1420, 3: 1736, 4: 1803, 5: 2181, 6: 2362, 7: 2619, 8: 2804, 9: 2833, 10: 3191,
}  # fmt: skip
"""The same without normalisation, Fig. 11d."""

BY_SIZE: dict[int, tuple[float, float]] = {
    100: (191.3, 203.7), 300: (697.8, 680.8), 600: (1595.8, 1026.1), 1000: (2575.4, 1563.2), 2000: (2972.0, 1090.1),
}  # fmt: skip
"""Training examples -> mean epochs of gradient and curl descent (one flipped hidden unit), Fig. 5c."""

BY_STUDENT_SCALE: dict[float, tuple[float, float]] = {
    1.0: (177.5, 211.5), 1.5: (1824.3, 647.4), 2.0: (2146.4, 1322.0), 3.0: (2449.0, 810.7), 5.0: (6638.1, 1307.3),
}  # fmt: skip
"""Scale of the student's first weights -> the same, 10 000 examples, Fig. 5d."""
