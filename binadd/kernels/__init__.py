"""The arithmetic, twice: `native` (C through Cython) and `reference` (NumPy), one contract."""
