"""Pytest fixtures for plugin authors, active wherever Plait is installed."""
