"""For plugin authors: conformance suites and small real parts to test against."""
