// Moves of labels, and what protected ones take.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/id.h"
#include "base/suggest.h"
#include "resources/internal/changer.h"
#include "resources/store/approvals.h"

namespace fairlead::resources {
namespace {

using store::Connection;

constexpr std::size_t kLongestNote = 2000;

boost::json::value version_or_null(int version) {
  return version == 0 ? boost::json::value(nullptr) : boost::json::value(version);
}

int stands_at(const Resource& resource, const std::string& label) {
  const auto current = resource.labels.find(label);
  return current == resource.labels.end() ? 0 : current->second;
}

Draft draft_of_move(const Project& before, const Resource& resource, std::string action, const std::string& label,
                    int to) {
  Draft draft;
  draft.after = before;
  const int from = stands_at(resource, label);
  Step step{std::move(action), resource.kind, resource.name, nullptr, {{label, from, to}}, {}};
  step.detail = {{"label", label}, {"from", version_or_null(from)}, {"to", to}};
  draft.after.resources[{resource.kind, resource.name}].labels.insert_or_assign(label, to);
  draft.steps.push_back(std::move(step));
  return draft;
}

// A change of what is kept beside the resources: nothing that serves calls.
Draft draft_beside(const Project& before, Step step, std::function<Result<void>(Connection&)> also) {
  Draft draft;
  draft.after = before;
  draft.serves_alike = true;
  draft.steps.push_back(std::move(step));
  draft.also = std::move(also);
  return draft;
}

Result<void> check_label(const std::string& label, const char* param = "to") {
  if (label == kLatest) {
    return fail(ErrorKind::kInvalid, "invalid_label",
                "`latest` is kept by the system and cannot be moved. Choose another label.", param);
  }
  if (!is_name(label) || label.find_first_not_of("0123456789") == std::string::npos) {
    return fail(ErrorKind::kInvalid, "invalid_label",
                "A label is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, begins with a letter or a digit, and "
                "is not a number.",
                param);
  }
  return {};
}

Result<void> check_check_name(const std::string& name, const char* param) {
  if (is_name(name)) return {};
  return fail(ErrorKind::kInvalid, "invalid_check",
              "The name of a check is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, and begins with a letter or "
              "a digit.",
              param);
}

Result<void> check_length(const std::string& text, const char* param) {
  if (text.size() <= kLongestNote) return {};
  return fail(ErrorKind::kInvalid, "invalid_value",
              "`" + std::string(param) + "` is longer than " + std::to_string(kLongestNote) + " bytes.", param);
}

// What is wrong with the version's checks, as half a sentence; empty: nothing.
std::string missing_checks(const Protection& protection, const std::vector<Check>& checks) {
  std::string lacks, failed;
  for (const std::string& wanted : protection.checks) {
    const auto found = std::ranges::find(checks, wanted, &Check::check);
    if (found == checks.end()) {
      lacks += (lacks.empty() ? "lacks the check `" : "`, `") + wanted;
    } else if (!found->passed) {
      failed += (failed.empty() ? "`" : ", and `") + wanted + "` failed" +
                (found->note.empty() ? "" : ": " + found->note) + (found->url.empty() ? "" : " (" + found->url + ")");
    }
  }
  if (!lacks.empty()) lacks += "`";
  if (failed.empty()) return lacks;
  return lacks.empty() ? "has failed a check: " + failed : lacks + ", and " + failed;
}

// Names of keys stand for people and programs.
bool is_own(const Approval& asked, const access::Actor& actor) {
  return asked.asked_by == actor.name || asked.asked_by_key == actor.key_id;
}

Error move_of_own(const Approval& asked) {
  return {ErrorKind::kPermissionDenied, "own_request",
          "`" + asked.asked_by +
              "` asked for this promotion, so somebody else has to decide it: a key with another "
              "name and the scope `approve`."};
}

}  // namespace

Result<std::optional<Protection>> Changer::protection_of(const std::string& project, const std::string& label) {
  FAIRLEAD_TRY(std::vector<Protection> all, protections(project));
  const auto found = std::ranges::find(all, label, &Protection::label);
  if (found == all.end()) return std::nullopt;
  return *found;
}

Result<std::vector<Protection>> Changer::protections(const std::string& project) {
  std::vector<Protection> all;
  FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(all, load_protections(connection, project));
    return {};
  }));
  return all;
}

Result<void> Changer::check_gate(const Project& project, const Resource& resource, const Protection& protection,
                                 int version) {
  std::vector<Check> checks;
  FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(checks, load_checks(connection, project.name, resource.kind, resource.name, version));
    return {};
  }));
  const std::string missing = missing_checks(protection, checks);
  if (missing.empty()) return {};
  return fail(ErrorKind::kConflict, "checks_not_passed",
              "`" + protection.label + "` is protected, and version " + std::to_string(version) + " of " +
                  resource.kind + " `" + resource.name + "` " + missing + (missing.ends_with('.') ? "" : "."));
}

Result<Promotion> Changer::promote(const std::string& project, const std::string& kind, const std::string& name,
                                   const std::string& ref, const std::string& label, const std::string& why,
                                   const access::Actor& actor) {
  FAIRLEAD_CHECK(check_label(label));
  FAIRLEAD_CHECK(check_length(why, "message"));
  std::optional<Approval> waiting;
  const MakeDraft make = [&](const Project& before) -> Result<Draft> {
    waiting.reset();
    FAIRLEAD_TRY(const Resource* resource, find(before, kind, name));
    FAIRLEAD_TRY(const int to, resource->resolve(ref));
    FAIRLEAD_TRY(const auto protection, protection_of(project, label));
    const int from = stands_at(*resource, label);
    if (protection && from != to) {
      FAIRLEAD_CHECK(check_gate(before, *resource, *protection, to));
      if (protection->approval) return ask(before, *resource, {label, from, to}, why, actor, waiting);
    }
    Draft draft = draft_of_move(before, *resource, "promote", label, to);
    if (!why.empty()) draft.steps.front().detail["message"] = why;
    return draft;
  };
  FAIRLEAD_TRY(LabelMove moved, move(project, actor, make));
  return Promotion{std::move(moved), std::move(waiting)};
}

// The request that waits for the same move already, or a new one.
Result<Draft> Changer::ask(const Project& before, const Resource& resource, const Move& wanted, const std::string& why,
                           const access::Actor& actor, std::optional<Approval>& waiting) {
  std::vector<Approval> all;
  FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(all, load_approvals(connection, before.name, false, 10'000));
    return {};
  }));
  for (Approval& one : all) {
    if (one.kind == resource.kind && one.name == resource.name && one.label == wanted.label && one.to == wanted.to) {
      waiting = std::move(one);
      Draft nothing;
      nothing.after = before;
      return nothing;
    }
  }
  const std::int64_t now_us = clock_.unix_micros();
  Approval made;
  made.id = new_id(now_us);
  made.kind = resource.kind;
  made.name = resource.name;
  made.label = wanted.label;
  made.from = wanted.from;
  made.to = wanted.to;
  made.state = "waiting";
  made.asked_by = actor.name;
  made.asked_by_key = actor.key_id;
  made.why = why;
  made.asked_at_us = now_us;
  waiting = made;
  Step step{"request", resource.kind, resource.name, nullptr, {}, {}};
  step.detail = {{"request", made.id},
                 {"label", wanted.label},
                 {"from", version_or_null(wanted.from)},
                 {"to", wanted.to},
                 {"message", why}};
  return draft_beside(before, std::move(step), [project = before.name, made = std::move(made)](Connection& connection) {
    return insert_approval(connection, project, made);
  });
}

Result<LabelMove> Changer::rollback(const std::string& project, const std::string& kind, const std::string& name,
                                    const std::string& label, const access::Actor& actor) {
  FAIRLEAD_CHECK(check_label(label, "label"));
  return move(project, actor, [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const Resource* resource, find(before, kind, name));
    FAIRLEAD_CHECK(resource->resolve(label));
    std::optional<Move> last;
    FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(last, last_move(connection, project, resource->kind, resource->name, label));
      return {};
    }));
    if (!last || last->from == 0) {
      return fail(ErrorKind::kConflict, "nothing_to_roll_back",
                  "`" + label + "` of " + resource->kind + " `" + resource->name + "` has pointed to no other version" +
                      (last ? " than " + std::to_string(last->to) : std::string()) + ".",
                  "label");
    }
    Draft draft = draft_of_move(before, *resource, "rollback", label, last->from);
    FAIRLEAD_TRY(const auto protection, protection_of(project, label));
    if (protection) draft.steps.front().detail["unapproved"] = true;
    return draft;
  });
}

Result<Approval> Changer::waiting_approval(const std::string& project, const std::string& id) {
  std::optional<Approval> found;
  FAIRLEAD_CHECK(database_.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(found, find_approval(connection, project, id));
    return {};
  }));
  if (!found)
    return fail(ErrorKind::kNotFound, "request_not_found",
                "There is no request `" + id.substr(0, 40) + "`. `fairlead approvals list` shows those that wait.");
  Approval& one = *found;
  if (one.state == "stale" && one.decided_at_us != 0)
    return fail(ErrorKind::kConflict, "already_decided",
                "Request " + one.id + " is stale: `" + one.label + "` had moved when it was approved. Ask anew.");
  if (one.decided_at_us != 0)
    return fail(ErrorKind::kConflict, "already_decided",
                "Request " + one.id + " was " + one.state + " by `" + one.decided_by + "`.");
  return std::move(one);
}

Result<LabelMove> Changer::approve(const std::string& project, const std::string& id, const std::string& note,
                                   const access::Actor& actor) {
  FAIRLEAD_CHECK(check_length(note, "note"));
  std::optional<Error> moved_away;
  const MakeDraft make = [&](const Project& before) -> Result<Draft> {
    moved_away.reset();
    FAIRLEAD_TRY(Approval asked, waiting_approval(project, id));
    if (is_own(asked, actor)) return fail(move_of_own(asked));
    FAIRLEAD_TRY(const Resource* resource, find(before, asked.kind, asked.name));
    const int stands = stands_at(*resource, asked.label);
    FAIRLEAD_TRY(const auto protection, protection_of(project, asked.label));
    if (stands == asked.from && protection) FAIRLEAD_CHECK(check_gate(before, *resource, *protection, asked.to));
    Draft draft = stands == asked.from ? draft_of_move(before, *resource, "promote", asked.label, asked.to) : Draft{};
    if (stands != asked.from) {
      draft = draft_beside(before, Step{"stale", asked.kind, asked.name, nullptr, {}, {}}, {});
      draft.steps.front().detail = {{"label", asked.label}, {"from", version_or_null(asked.from)}, {"to", asked.to}};
      moved_away = Error{ErrorKind::kConflict, "label_moved",
                         "`" + asked.label + "` of " + asked.kind + " `" + asked.name + "` stood at " +
                             (asked.from == 0 ? "no version" : "version " + std::to_string(asked.from)) +
                             " when this was asked for, and is at version " + std::to_string(stands) +
                             " now. Nothing was moved; ask anew."};
    }
    asked.state = moved_away ? "stale" : "approved";
    asked.decided_by = actor.name;
    asked.note = note;
    asked.decided_at_us = clock_.unix_micros();
    boost::json::object& detail = draft.steps.front().detail;
    detail["request"] = asked.id;
    detail["asked_by"] = asked.asked_by;
    detail["approved_by"] = actor.name;
    if (!note.empty()) detail["note"] = note;
    draft.also = [project, asked](Connection& connection) { return decide_approval(connection, project, asked); };
    return draft;
  };
  auto moved = move(project, actor, make);
  if (moved && moved_away) return fail(*std::move(moved_away));
  return moved;
}

Result<Approval> Changer::decide(const std::string& project, const std::string& id, const std::string& note,
                                 const access::Actor& actor, const Decision& decision) {
  FAIRLEAD_CHECK(check_length(note, "note"));
  Approval asked;
  const MakeDraft make = [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(asked, waiting_approval(project, id));
    if (decision.check) FAIRLEAD_CHECK(decision.check(asked));
    asked.state = decision.state;
    asked.decided_by = actor.name;
    asked.note = note;
    asked.decided_at_us = clock_.unix_micros();
    Step step{decision.action, asked.kind, asked.name, nullptr, {}, {}};
    step.detail = {
        {"request", asked.id}, {"label", asked.label}, {"to", asked.to}, {"asked_by", asked.asked_by}, {"note", note}};
    return draft_beside(before, std::move(step), [project, decided = asked](Connection& connection) {
      return decide_approval(connection, project, decided);
    });
  };
  FAIRLEAD_CHECK(change(project, actor, make));
  return asked;
}

Result<Approval> Changer::reject(const std::string& project, const std::string& id, const std::string& note,
                                 const access::Actor& actor) {
  return decide(project, id, note, actor, {"rejected", "reject", {}});
}

Result<Approval> Changer::withdraw(const std::string& project, const std::string& id, const std::string& note,
                                   AnyonesRequest any, const access::Actor& actor) {
  const auto own = [&](const Approval& asked) -> Result<void> {
    if (any == AnyonesRequest::kYes || is_own(asked, actor)) return {};
    return fail(ErrorKind::kPermissionDenied, "not_own_request",
                "`" + asked.asked_by +
                    "` asked for this promotion. It is withdrawn by who asked, or by a key with the "
                    "scope `admin`; a key with the scope `approve` can reject it.");
  };
  return decide(project, id, note, actor, {"withdrawn", "withdraw", own});
}

Result<std::int64_t> Changer::protect(const std::string& project, Protection protection, const access::Actor& actor) {
  FAIRLEAD_CHECK(check_label(protection.label, "label"));
  for (const std::string& check : protection.checks) FAIRLEAD_CHECK(check_check_name(check, "checks"));
  if (!protection.approval && protection.checks.empty())
    return fail(ErrorKind::kInvalid, "invalid_value",
                "A label that takes neither approval nor checks is not protected. Ask for one of them.", "checks");
  protection.set_by = actor.name;
  protection.set_at_us = clock_.unix_micros();
  return beside(project, actor, [&](const Project& before) {
    Step step{"protect", "label", protection.label, nullptr, {}, {}};
    step.detail = {{"approval", protection.approval},
                   {"checks", boost::json::array(protection.checks.begin(), protection.checks.end())}};
    return draft_beside(before, std::move(step),
                        [&](Connection& connection) { return put_protection(connection, project, protection); });
  });
}

Result<std::int64_t> Changer::unprotect(const std::string& project, const std::string& label,
                                        const access::Actor& actor) {
  return beside(project, actor, [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const auto protection, protection_of(project, label));
    if (!protection)
      return fail(ErrorKind::kNotFound, "label_not_protected", "`" + label.substr(0, 63) + "` is not protected.");
    Step step{"unprotect", "label", label, nullptr, {}, {}};
    return draft_beside(before, std::move(step),
                        [&](Connection& connection) { return remove_protection(connection, project, label); });
  });
}

Result<Check> Changer::add_check(const std::string& project, const std::string& ref, Check check,
                                 const access::Actor& actor) {
  FAIRLEAD_CHECK(check_check_name(check.check, "name"));
  FAIRLEAD_CHECK(check_length(check.url, "url"));
  FAIRLEAD_CHECK(check_length(check.note, "note"));
  if (!check.url.empty() && !check.url.starts_with("https://") && !check.url.starts_with("http://"))
    return fail(ErrorKind::kInvalid, "invalid_value", "`url` begins with https:// or http://.", "url");
  check.author = actor.name;
  check.at_us = clock_.unix_micros();
  FAIRLEAD_CHECK(beside(project, actor, [&](const Project& before) -> Result<Draft> {
    FAIRLEAD_TRY(const Resource* resource, find(before, check.kind, check.name));
    FAIRLEAD_TRY(check.version, resource->resolve(ref));
    check.kind = resource->kind;
    Step step{"check", check.kind, check.name, nullptr, {}, {}};
    step.detail = {{"version", check.version},
                   {"check", check.check},
                   {"passed", check.passed},
                   {"url", check.url},
                   {"note", check.note}};
    return draft_beside(before, std::move(step),
                        [&](Connection& connection) { return put_check(connection, project, check); });
  }));
  return check;
}

Result<std::int64_t> Changer::beside(const std::string& project, const access::Actor& actor, const MakeDraft& make) {
  FAIRLEAD_TRY(const auto committed, change(project, actor, make));
  return committed.audits.front();
}

Result<LabelMove> Changer::move(const std::string& project, const access::Actor& actor, const MakeDraft& make) {
  FAIRLEAD_TRY(const auto committed, change(project, actor, make));
  if (committed.draft.steps.empty() || committed.draft.steps.front().moves.empty()) return LabelMove{};
  const Step& step = committed.draft.steps.front();
  const Move& moved = step.moves.front();
  return LabelMove{step.kind,  step.name,      moved.label, moved.from, moved.to, committed.audits.front(),
                   actor.name, committed.at_us};
}

}  // namespace fairlead::resources
