#include "llm/tokens/internal/embedded.h"

// FAIRLEAD_TABLES: the folder that make_tables has written to.
#define FAIRLEAD_EMBED(name)                                                                                 \
  asm(".pushsection .rodata\n.balign 64\n.globl fairlead_" #name "\n.type fairlead_" #name                   \
      ", @object\nfairlead_" #name ":\n.incbin \"" FAIRLEAD_TABLES "/" #name ".bin\"\n.size fairlead_" #name \
      ", . - fairlead_" #name "\n.popsection")

FAIRLEAD_EMBED(unicode_classes);
FAIRLEAD_EMBED(cl100k_base);
FAIRLEAD_EMBED(o200k_base);
