"""Data sets that ship inside installed packages: scikit-learn, statsmodels, docstrings."""
