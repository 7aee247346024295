"""Compiled kernels of semsig: arrays and scalars in, arrays out; no checks, no I/O."""
