#include "access/internal/pepper.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "access/secret_file.h"
#include "access/store/keys.h"
#include "base/digest.h"
#include "base/id.h"

namespace fairlead::access {
namespace {

using store::Connection;

constexpr std::size_t kBytes = 32;

// It says nothing about the pepper to who has not got it. No key looks like the text.
std::string check_of(const std::string& pepper) {
  return to_hex(KeyTable::digest_of(pepper, "check of the pepper"));
}

// 32 bytes, or 64 hexadecimal digits.
Result<std::string> parse(std::string text, const std::string& name) {
  if (text.size() == kBytes) return text;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  auto bytes = from_hex(text);
  if (bytes && bytes->size() == kBytes) return *std::move(bytes);
  return fail(ErrorKind::kInternal, "pepper_unreadable",
              name + " does not hold a pepper, which is 32 bytes or 64 hexadecimal digits. Restore it from a backup.");
}

std::unexpected<Error> missing(const store::Database& database, const std::string& path) {
  if (database.is_shared())
    return fail(ErrorKind::kInternal, "pepper_missing",
                "The keys of this store were made under a pepper that this node has not got. Copy the file `pepper` "
                "from the data folder of a node that has it to " +
                    path + ", or give it in `keys.pepper_file` or FAIRLEAD_PEPPER.");
  return fail(
      ErrorKind::kInternal, "pepper_missing",
      path + " is gone, and without it no key of this data folder can be recognised. Restore it from a backup.");
}

std::unexpected<Error> other(const std::string& name) {
  return fail(
      ErrorKind::kInternal, "pepper_other",
      "The pepper in " + name + " is not the one that the keys of this store were made under. Put that one there.");
}

// The first pepper of a store is its pepper; false if it has another.
Result<bool> settle(store::Database& database, const std::string& pepper) {
  bool is_right = true;
  FAIRLEAD_CHECK(database.write_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const std::string check, load_pepper_check(connection));
    is_right = check.empty() || check == check_of(pepper);
    return check.empty() ? put_pepper_check(connection, check_of(pepper)) : Result<void>();
  }));
  return is_right;
}

}  // namespace

Result<std::string> open_pepper(store::Database& database, const std::string& own_path, const PepperSource& source) {
  std::optional<std::string> found;
  std::string name = own_path;
  if (!source.text.empty()) {
    name = source.name;
    found = std::string(source.text.data(), source.text.size());
  } else {
    if (!source.path.empty()) name = source.path;
    FAIRLEAD_TRY(found, read_secret_file(name));
    if (!found && !source.path.empty())
      return fail(ErrorKind::kInvalid, "pepper_missing", name + " (`keys.pepper_file`) is not there.");
  }
  if (found) {
    FAIRLEAD_TRY(std::string pepper, parse(*std::move(found), name));
    FAIRLEAD_TRY(const bool is_right, settle(database, pepper));
    if (!is_right) return other(name);
    return pepper;
  }
  bool has_one = false;
  FAIRLEAD_CHECK(database.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const std::string check, load_pepper_check(connection));
    FAIRLEAD_TRY(const bool any, any_key_ever(connection));
    has_one = any || !check.empty();
    return {};
  }));
  if (has_one) return missing(database, own_path);
  std::string made = random_bytes(kBytes);
  FAIRLEAD_CHECK(write_secret_file(own_path, made));  // before the store knows of it
  FAIRLEAD_TRY(const bool is_first, settle(database, made));
  if (is_first) return made;
  unlink(own_path.c_str());  // another node's came first
  return missing(database, own_path);
}

}  // namespace fairlead::access
