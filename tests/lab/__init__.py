"""Tests of what only notebooks need."""
