// The tables as they lie in the program (embedded.cc).
#pragma once

extern "C" {
extern const char fairlead_unicode_classes[];
extern const char fairlead_cl100k_base[];
extern const char fairlead_o200k_base[];
}
