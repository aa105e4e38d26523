#include "safety/pii/names/detector.h"

// FAIRLEAD_NAMES: the trained file.
asm(".pushsection .rodata\n.balign 64\n"
    ".globl fairlead_names\n.type fairlead_names, @object\nfairlead_names:\n.incbin \"" FAIRLEAD_NAMES
    "\"\nfairlead_names_end:\n.globl fairlead_names_end\n.byte 0\n.size fairlead_names, . - fairlead_names\n"
    ".popsection");
extern "C" const char fairlead_names[];
extern "C" const char fairlead_names_end[];

namespace fairlead::pii::names {

std::string_view built_in_file() {
  return {fairlead_names, static_cast<std::size_t>(fairlead_names_end - fairlead_names)};
}

}  // namespace fairlead::pii::names
