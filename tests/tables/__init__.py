"""Tests of encrypted tables."""
