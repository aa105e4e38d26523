#include "resources/http/answers.h"

#include <boost/json/value.hpp>

#include "base/clock.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;

bj::object labels_json(const Labels& labels) {
  bj::object object;
  for (const auto& [label, version] : labels) object[label] = version;
  return object;
}

bj::value version_or_null(int version) {
  return version == 0 ? bj::value(nullptr) : bj::value(version);
}

}  // namespace

bj::array changes_json(const std::vector<Change>& changes) {
  bj::array array;
  for (const Change& change : changes) {
    bj::object object;
    object["path"] = change.path;
    if (change.from) object["from"] = *change.from;
    if (change.to) object["to"] = *change.to;
    array.push_back(std::move(object));
  }
  return array;
}

bj::object difference_json(const ResourceService::Difference& difference, bool with_rendered) {
  bj::object answer;
  answer["from"] = difference.from;
  answer["to"] = difference.to;
  answer["changes"] = changes_json(difference.changes);
  if (!with_rendered) return answer;
  bj::array all;
  for (const Rendered& one : difference.rendered)
    all.push_back(bj::object{{"test", one.title.empty() ? bj::value(nullptr) : bj::value(one.title)},
                             {"changes", changes_json(one.changes)}});
  answer["rendered"] = std::move(all);
  return answer;
}

bj::object changes_json(const ChangeSet& changes) {
  int drifted = 0;
  bj::array documents;
  for (const DocumentChange& change : changes.documents) {
    bj::object object;
    object["kind"] = change.kind;
    object["name"] = change.name;
    object["action"] = to_string(change.action);
    object["from"] = version_or_null(change.from);
    object["to"] = change.to;
    object["digest"] = change.digest;
    object["labels"] = bj::array(change.labels.begin(), change.labels.end());
    object["changes"] = changes_json(change.changes);
    if (const auto& drift = change.drift) {
      ++drifted;
      object["drift"] = bj::object{{"known", version_or_null(drift->known)},
                                   {"author", drift->author},
                                   {"message", drift->message},
                                   {"created_at", iso8601(drift->at_us)}};
    }
    documents.push_back(std::move(object));
  }
  bj::object summary;
  for (const Action action : {Action::kNew, Action::kChanged, Action::kSame})
    summary[to_string(action)] = changes.count(action);
  summary["tests"] = changes.tests;
  if (drifted > 0) summary["drifted"] = drifted;
  bj::object answer;
  answer["changes"] = std::move(documents);
  answer["summary"] = std::move(summary);
  return answer;
}

bj::object pulled_json(const PulledFiles& pulled) {
  constexpr std::string_view kHow[] = {"in_place", "new", "rewritten", "kept"};
  bj::object files, known;
  bj::array written;
  int kept = 0;
  for (const auto& [path, text] : pulled.files) files[path] = text;
  for (const auto& [name, digest] : pulled.known) known[name] = digest;
  for (const Pulled& one : pulled.written) {
    kept += one.how == Pulled::How::kKept ? 1 : 0;
    written.push_back(bj::object{{"kind", one.kind},
                                 {"name", one.name},
                                 {"version", one.version},
                                 {"file", one.file},
                                 {"how", kHow[static_cast<int>(one.how)]}});
  }
  bj::object answer;
  answer["files"] = std::move(files);
  answer["written"] = std::move(written);
  answer["known"] = std::move(known);
  answer["same"] = pulled.same;
  answer["kept"] = kept;
  return answer;
}

bj::object faults_json(const std::vector<Fault>& faults) {
  bj::array all;
  for (const Fault& fault : faults) {
    bj::object object;
    object["file"] = fault.file;
    object["line"] = fault.line;
    object["column"] = fault.column;
    object["message"] = fault.message;
    object["hint"] = fault.hint;
    all.push_back(std::move(object));
  }
  const std::string more = faults.size() == 1 ? "" : " (and " + std::to_string(faults.size() - 1) + " more)";
  bj::object error;
  error["message"] = to_text(faults.front()) + more;
  error["type"] = "invalid_request_error";
  error["code"] = "invalid_resources";
  error["param"] = "files";
  error["faults"] = std::move(all);
  bj::object answer;
  answer["error"] = std::move(error);
  return answer;
}

bj::object move_json(const LabelMove& move) {
  bj::object object;
  object["kind"] = move.kind;
  object["name"] = move.name;
  object["label"] = move.label;
  object["from"] = version_or_null(move.from);
  object["to"] = move.to;
  object["audit"] = move.audit;
  object["by"] = move.by;
  object["at"] = iso8601(move.at_us);
  return object;
}

bj::object check_json(const Check& check) {
  bj::object object;
  object["kind"] = check.kind;
  object["name"] = check.name;
  object["version"] = check.version;
  object["check"] = check.check;
  object["passed"] = check.passed;
  object["url"] = check.url;
  object["note"] = check.note;
  object["author"] = check.author;
  object["at"] = iso8601(check.at_us);
  return object;
}

bj::object approval_json(const Approval& approval) {
  const bool decided = approval.decided_at_us != 0;
  bj::object object;
  object["id"] = approval.id;
  object["state"] = approval.state;
  object["kind"] = approval.kind;
  object["name"] = approval.name;
  object["label"] = approval.label;
  object["from"] = version_or_null(approval.from);
  object["to"] = approval.to;
  object["asked_by"] = approval.asked_by;
  object["message"] = approval.why;
  object["asked_at"] = iso8601(approval.asked_at_us);
  object["decided_by"] = decided ? bj::value(approval.decided_by) : bj::value(nullptr);
  object["note"] = approval.note;
  object["decided_at"] = decided ? bj::value(iso8601(approval.decided_at_us)) : bj::value(nullptr);
  return object;
}

bj::object page_json(const ResourceService::Page& page) {
  bj::array data;
  for (const Summary& summary : page.data) {
    bj::object object;
    object["kind"] = summary.kind;
    object["name"] = summary.name;
    object["version"] = summary.version;
    object["digest"] = summary.digest;
    object["labels"] = labels_json(summary.labels);
    object["author"] = summary.author;
    object["message"] = summary.message;
    object["created_at"] = iso8601(summary.created_at_us);
    if (!summary.checks.empty()) {
      bj::array checks;
      for (const Check& check : summary.checks)
        checks.push_back(bj::object{{"check", check.check}, {"passed", check.passed}});
      object["checks"] = std::move(checks);
    }
    data.push_back(std::move(object));
  }
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = page.has_more;
  return answer;
}

bj::object version_json(const Version& version, const Labels& labels) {
  bj::object object;
  object["kind"] = version.kind;
  object["name"] = version.name;
  object["version"] = version.version;
  object["digest"] = version.digest;
  object["labels"] = labels_json(labels);
  object["author"] = version.author;
  object["message"] = version.message;
  object["created_at"] = iso8601(version.created_at_us);
  object["spec"] = version.spec;
  return object;
}

}  // namespace fairlead::resources
