"""Tests of the schemes: five of them behind one interface."""
