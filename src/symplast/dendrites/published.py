"""Numbers printed in the papers, as data: simulated frequencies of arXiv:1601.00720 (released with its code), and
accuracies of arXiv:2201.00042.
"""

FP_TRIALS = 100_000_000
FP: dict[int, list[float]] = {
    64: [1.09318e-3, 5.74e-6, 1.1e-7],
    128: [0.292048, 0.00737836, 0.00032014, 2.585e-5, 2.95e-6, 5.9e-7, 1.3e-7, 1e-8, 1e-8],
    256: [
        *(0.997368, 0.629267, 0.121048, 0.0193688, 0.00350879, 7.4956e-4, 1.8659e-4, 5.332e-5, 1.65e-5),
        *(5.58e-6, 2.23e-6, 9.3e-7, 3.2e-7, 2.7e-7, 7e-8, 4e-8, 2e-8),
    ],
}
"""Active cells -> false-positive frequency at n = 300, 500, ...; s = 24, theta = 12 (Fig. 4A)."""

FN_TRIALS = 10_000_000
FN: dict[int, list[float]] = {
    8: [
        *(0, 0, 0, 0, 0, 0, 1.7e-7, 3.6e-6, 8.02e-5, 0.0007358, 0.0046704, 0.0268579),
        *(0.0894488, 0.263911, 0.50879, 0.770817),
    ],
    12: [
        *(0, 0, 0, 0, 1.7e-7, 1.11e-5, 0.00031558, 0.0027716, 0.0198583, 0.0716827),
        *(0.190397, 0.426699, 0.664547, 0.880767, 0.970354, 0.99638),
    ],
    16: [
        *(0, 0, 1e-8, 2.02e-5, 0.00059479, 0.0062736, 0.0434683, 0.13914, 0.351389, 0.582524),
        *(0.787882, 0.933878, 0.983776, 0.998305, 0.999893, 0.999999),
    ],
}
"""Threshold -> false-negative frequency at noise 5 %, 10 %, ..., 80 %; n = 6000, a = 128, s = 30 (Fig. 4B)."""

DENSE = {300: 0.00518604, 19_900: 0.00716735}
"""Cells -> ends of the curve that Fig. 5A labels as half of the cells active."""

CONTINUAL = {"dendrites and sparse": 94.55, "sparse only": 91.33, "dendrites only": 82.85, "MLP": 82.03}
"""Model -> mean accuracy (%) over 10 tasks of permuted MNIST after the last one (Iyer et al. 2022)."""
