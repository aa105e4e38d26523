// Versions, labels, apply, promote: everything that is done with resources.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/audit.h"
#include "access/secrets.h"
#include "base/clock.h"
#include "base/result.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "platform/store/database.h"
#include "resources/approvals.h"
#include "resources/diff.h"
#include "resources/kind.h"
#include "resources/project.h"

namespace fairlead::resources {

// A project's folder: paths relative to its root, with '/', to their text.
using Files = std::map<std::string, std::string>;

struct Fault {
  std::string file;
  int line = 0, column = 0;  // from 1; 0: the file as a whole
  std::string message;
  std::string hint;  // "did you mean `locale`?", or empty
};

// "prompts/x.yaml:14:11: unknown variable `localle`\n  did you mean `locale`?"
std::string to_text(const Fault& fault);

enum class Action : std::uint8_t { kNew, kChanged, kSame };
std::string_view to_string(Action action);

// A version that the server has and the folder is not made from.
struct Drift {
  int known = 0;  // the newest that the folder knows; 0: none
  std::string author, message;
  std::int64_t at_us = 0;
};

// Files that come from a folder which a team keeps, and what is to happen where the server is ahead of it.
struct FolderRules {
  enum class Ahead : std::uint8_t { kRefuse, kOverwrite, kLeave };
  bool is_folder = false;  // else drift is not looked for
  Ahead ahead = Ahead::kRefuse;
};

// In the root of a folder: the digest of the version of each resource that it was last brought in step with,
// `{"prompt/x": "9f86d0…"}`. A digest says the same on every server.
inline constexpr std::string_view kLockFile = "fairlead.lock.json";

// What a pull did with one resource that differs.
struct Pulled {
  enum class How : std::uint8_t { kInPlace, kNew, kRewritten, kKept };
  std::string kind, name;
  int version = 0;
  std::string file;
  How how = How::kInPlace;
};

struct PulledFiles {
  std::vector<Fault> faults;  // not empty: nothing else is there
  Files files;                // those that change, and new ones
  std::vector<Pulled> written;
  std::map<std::string, std::string> known;  // for the lock file
  int same = 0;
};

// What applying one document does, or did.
struct DocumentChange {
  std::string kind, name;
  Action action = Action::kSame;
  int from = 0;                     // `latest` before; 0: there was none
  int to = 0;                       // the version that the document stands for
  std::vector<std::string> labels;  // that move to it, without `latest`
  std::vector<Change> changes;      // between `from` and `to`
  std::optional<Drift> drift{};     // `from` is ahead of the folder
  std::string digest{};             // of `to`
};

struct ChangeSet {
  std::vector<Fault> faults;  // not empty: nothing is applied, and `documents` is empty
  std::vector<DocumentChange> documents;
  std::size_t tests = 0;  // of the documents' specs, all passed
  int count(Action action) const;
};

// What one set of variables makes of two versions.
struct Rendered {
  std::string title;  // of the version's own test; empty: the variables that were given
  std::vector<Change> changes;
};

struct Summary {
  std::string kind, name;
  int version = 0;
  std::string digest, author, message;
  std::int64_t created_at_us = 0;
  std::map<std::string, int, std::less<>> labels;  // for versions(): those that point to this one
  std::vector<Check> checks{};                     // for versions()
};

// Whether a request of somebody else may be withdrawn.
enum class AnyonesRequest : bool { kNo, kYes };

// Thread-safe. Changes run one after another on a thread of the service; reads on the store's readers.
class ResourceService {
 public:
  // Called on the service's thread before a change is committed, with the project as it will be. An error refuses the
  // change: nothing is stored. What it returns is called once the change is durable and before the caller is answered;
  // it puts the new state in force and cannot fail. Dropped uncalled if the commit fails.
  using Publish = std::function<void()>;
  using Prepare = std::function<Result<Publish>(const Project& after)>;

  static std::vector<store::Migration> migrations();

  // Compiles the kinds' schemas. `database` and `clock` outlive the service. Error: invalid_schema.
  static Result<std::unique_ptr<ResourceService>> create(store::Database& database, const Clock& clock,
                                                         std::vector<Kind> kinds);
  ~ResourceService();  // waits for the change in progress

  // Before the first change; the one listener.
  void set_prepare(Prepare prepare);

  // For start: what is stored.
  Result<std::vector<std::string>> project_names_blocking();
  Result<Project> load_blocking(const std::string& project);
  // Puts the project in force as the store has it now, if another process has changed it. Blocks. Errors: those of
  // Prepare, and the store's.
  Result<void> refresh_blocking(const std::string& project);
  // For `serve --project`, from a thread that may block. What names a secret that does not exist is applied: nobody can
  // set one before the server runs.
  Result<ChangeSet> apply_blocking(std::string project, Files files, access::Actor actor, std::string message,
                                   FolderRules folder = {});

  // Faults are in the answer; errors are the store's, and of apply `drift`.
  async::Task<Result<ChangeSet>> plan(std::string project, Files files, access::Actor actor = {},
                                      FolderRules folder = {});
  async::Task<Result<ChangeSet>> apply(std::string project, Files files, access::Actor actor, std::string message,
                                       FolderRules folder = {});

  // An empty kind: the one that has the name, or the addressable one of several. Errors: resource_not_found,
  // version_not_found, label_not_found, ambiguous_name, invalid_label, nothing_to_roll_back; of a protected label
  // checks_not_passed.
  async::Task<Result<Promotion>> promote(std::string project, std::string kind, std::string name, std::string ref,
                                         std::string label, std::string why, access::Actor actor);
  // Back to where the label stood before its last move; twice is there and back.
  async::Task<Result<LabelMove>> rollback(std::string project, std::string kind, std::string name, std::string label,
                                          access::Actor actor);

  // Moves the label if it stands where it stood when the promotion was asked for. `id` may be the beginning of one.
  // Errors: request_not_found, ambiguous_id, already_decided, own_request, checks_not_passed, label_moved.
  async::Task<Result<LabelMove>> approve(std::string project, std::string id, std::string note, access::Actor actor);
  async::Task<Result<Approval>> reject(std::string project, std::string id, std::string note, access::Actor actor);
  // As if it had never been asked for, but for the audit log. `any`: whoever asked; else only the actor's own. Errors:
  // request_not_found, ambiguous_id, already_decided, not_own_request.
  async::Task<Result<Approval>> withdraw(std::string project, std::string id, std::string note, AnyonesRequest any,
                                         access::Actor actor);
  // Newest first; those that wait, or all.
  async::Task<Result<std::vector<Approval>>> approvals(std::string project, bool all, std::size_t limit);

  // The audit row's number. Errors: invalid_label, invalid_check, invalid_value, label_not_protected.
  async::Task<Result<std::int64_t>> protect(std::string project, Protection protection, access::Actor actor);
  async::Task<Result<std::int64_t>> unprotect(std::string project, std::string label, access::Actor actor);
  async::Task<Result<std::vector<Protection>>> protections(std::string project);

  // `check` without its version, which is what `ref` comes to.
  async::Task<Result<Check>> add_check(std::string project, std::string ref, Check check, access::Actor actor);
  async::Task<Result<std::vector<Check>>> checks(std::string project, std::string kind, std::string name,
                                                 std::string ref);

  struct Page {
    std::vector<Summary> data;
    bool has_more = false;
  };
  // Each resource at its latest version, by kind and name; empty filters match all.
  async::Task<Result<Page>> list(std::string project, std::string kind, std::string name, std::size_t limit);
  async::Task<Result<Page>> versions(std::string project, std::string kind, std::string name);  // newest first
  struct Found {
    Version version;
    std::map<std::string, int, std::less<>> labels;  // of the resource
  };
  async::Task<Result<Found>> get(std::string project, std::string kind, std::string name, std::string ref);
  struct Difference {
    int from = 0, to = 0;
    std::vector<Change> changes;
    std::vector<Rendered> rendered;
  };
  struct Comparison {
    std::string kind, name;
    std::string from, to;  // empty `to`: latest; empty `from`: the one before `to`
    bool render = false;   // with `given`, or the tests of `to`
    std::optional<boost::json::object> given{};
  };
  // Errors: those of get(), cannot_be_rendered.
  async::Task<Result<Difference>> difference(std::string project, Comparison comparison);
  async::Task<Result<Files>> pull(std::string project);  // each resource at its latest version
  // The same, written into a folder as little as can be. `overwrite`: over edits that no version knows, too.
  async::Task<Result<PulledFiles>> pull_into(std::string project, Files folder, bool overwrite);

 private:
  class Impl;
  explicit ResourceService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Tells which resources name which secrets, in any version that a label points to.
access::SecretService::Users secret_users(std::vector<Kind> kinds);

}  // namespace fairlead::resources
