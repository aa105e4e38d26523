// Large texts of runs: kept once by their digest, however many runs and events have them.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/store/database.h"

namespace fairlead::journal {

// Of a text up to this size its row has all, and so much of a larger one may be around what is kept apart.
inline constexpr std::size_t kInline = 16 * 1024;

// To be written with the row that refers to it.
struct Blob {
  std::string run, digest, data;
};

// What of a large JSON text is kept apart: the innermost value that is large while what is beside it, at each level, is
// not; if there is none, all. So the same value has the same digest within any small wrapping, an event's or another
// input's.
std::string_view core_of(std::string_view text);

// Of a text over the largest size; `what` begins the sentence: "The input of the run". `param` as Error has it.
Error value_too_large(const std::string& what, std::size_t size, std::size_t most, std::string param = {});

// True: a row may have something else than the text.
bool is_large(std::string_view text);
// The text as a row of that run has it: itself, or with a reference for what goes to `blobs`. Takes as long as hashing
// it does: before the transaction.
std::string kept(std::string text, const std::string& run, std::vector<Blob>& blobs);
// Nothing is written that is there already, or of which the run is not there.
Result<void> write_blobs(store::Connection& connection, const std::vector<Blob>& blobs);

bool refers(std::string_view text);  // to a blob
// Gives back what kept() took, each blob read once. After the query that read them. Error: store_corrupt.
Result<void> expand(store::Connection& connection, const std::vector<std::string*>& texts);

// Forgets what the run used, and what nothing else uses.
Result<void> purge_blobs(store::Connection& connection, const std::string& run);

}  // namespace fairlead::journal
