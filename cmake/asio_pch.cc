// Compiled only so that its precompiled header exists for others to reuse.
