#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string_view>

#include "platform/lake/lake.h"

namespace fairlead::lake {
namespace {

int give_back(dl_phdr_info* library, std::size_t, void*) {
  if (!std::string_view(library->dlpi_name).contains("libduckdb")) return 0;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const auto& segment = library->dlpi_phdr[i];
    // What is never written is in the file and can be dropped; relocated data cannot.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t start = (library->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = (library->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1) & ~(page - 1);
    ::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
  }
  return 1;
}

}  // namespace

void release_engine_pages() {
  ::dl_iterate_phdr(give_back, nullptr);
}

}  // namespace fairlead::lake
