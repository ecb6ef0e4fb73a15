"""Fails on purpose, the way a plugin does whose compiled library is missing."""

raise OSError("libbraid.so.3: cannot open shared object file: No such file or directory")
