"""The kinds of test that claim cards run, a module each."""
