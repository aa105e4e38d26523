// The memory that a program's code takes.
#pragma once

namespace fairlead {

// Gives back the code and the constants of the program and its libraries, as far as they are in memory: to link them
// touches more of them than running does, and to start touches much that is never run again. They are clean pages of
// files, which the kernel maps again when they are wanted: a microsecond for 64 KiB that are still in its cache.
// Thread-safe.
void release_code_pages();

}  // namespace fairlead
