"""Libraries that compute the numbers of a result."""

FINGERPRINTED_LIBRARIES = ("torch", "optuna", "numpy", "scipy", "scikit-learn")  # whose versions may change a number
