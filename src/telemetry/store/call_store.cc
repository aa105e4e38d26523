#include "telemetry/store/call_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/id.h"
#include "platform/json/text.h"
#include "telemetry/internal/fields.h"
#include "telemetry/store/feedback_tables.h"

namespace fairlead::telemetry {
namespace {

constexpr std::int64_t kLoadBytes = 8 * 1024 * 1024;  // of a transaction; the engine holds it three times over
constexpr std::string_view kSegmentNote = "spool_segment", kOffsetNote = "spool_offset";
constexpr std::string_view kUntilSegmentNote = "until_segment", kUntilOffsetNote = "until_offset",
                           kProjectsNote = "until_projects", kShapesNote = "shapes";
constexpr std::int64_t kMaxRows = 10'000;

// Builds the text of a query and its parameters together.
struct Query {
  std::string where;
  std::vector<lake::Parameter> parameters;
  void add_plain(std::string_view condition) { where.append(where.empty() ? "WHERE " : " AND ").append(condition); }
  void add(std::string_view before, lake::Parameter value, std::string_view after = "") {
    parameters.push_back(std::move(value));
    where.append(where.empty() ? "WHERE " : " AND ")
        .append(before)
        .append("$")
        .append(std::to_string(parameters.size()))
        .append(after);
  }
  void add_text(std::string_view column, const std::string& value) {
    if (!value.empty()) add(std::string(column) + " = ", value);
  }
};

void add_target(Query& query, const Target& target) {
  query.add_text("target_kind", target.kind);
  query.add_text("target", target.name);
  query.add_text("label", target.label);
  if (target.version) query.add("target_version = ", std::int64_t{*target.version});
}

Query query_of(const CallFilter& filter) {
  Query query;
  if (!filter.before.empty()) query.add("id < ", filter.before);
  if (!filter.after.empty()) query.add("id > ", filter.after);
  add_target(query, filter.target);
  query.add_text("model", filter.model);
  query.add_text("user_id", filter.user);
  query.add_text("session_id", filter.session);
  query.add_text("key_id", filter.key);
  if (!filter.tag.empty()) query.add("list_contains(tags, ", filter.tag, ")");
  if (filter.status_to > 0) {
    query.add("status >= ", std::int64_t{filter.status_from});
    query.add("status < ", std::int64_t{filter.status_to});
  }
  if (filter.error == "any")
    query.add_plain("error_code IS NOT NULL");
  else
    query.add_text("error_code", filter.error);
  if (filter.shadow_of == "any" || filter.shadow_of == "none")
    query.add_plain(filter.shadow_of == "any" ? "shadow_of IS NOT NULL" : "shadow_of IS NULL");
  else
    query.add_text("shadow_of", filter.shadow_of);
  return query;
}

constexpr std::string_view kSaidOfCall =
    "coalesce((SELECT list(struct_pack(id := f.id, at := f.at, name := f.name, author := f.author, vote := f.vote, "
    "score := f.score, category := f.category, comment := f.comment, correction := f.correction) ORDER BY f.id) "
    "FROM feedback f WHERE f.call_id = page.id), []) AS feedback";

// A page of calls, each with its attempts as a list; `whole`: with its content, and what was said of it.
std::string page_sql(const std::string& where, std::string_view order, std::int64_t limit, bool whole) {
  std::string columns;
  for (const auto& field : call_fields()) {
    if (!whole && (field.column == "input" || field.column == "output")) continue;
    columns.append(columns.empty() ? "" : ", ").append(field.column);
  }
  std::string attempt = "number := number";
  for (const auto& field : attempt_fields())
    attempt.append(", ").append(field.column).append(" := ").append(field.column);
  const std::string ordered = " ORDER BY id " + std::string(order);
  return "WITH page AS (SELECT " + columns + " FROM calls " + where + ordered + " LIMIT " + std::to_string(limit) +
         "), tried AS (SELECT call_id, list(struct_pack(" + attempt +
         ") ORDER BY number) AS attempts FROM attempts WHERE call_id IN (SELECT id FROM page) GROUP BY call_id) "
         "SELECT page.*, coalesce(tried.attempts, []) AS attempts" +
         (whole ? ", " + std::string(kSaidOfCall) : "") + " FROM page LEFT JOIN tried ON tried.call_id = page.id" +
         ordered;
}

constexpr std::int64_t kMostVersions = 1000;

// Behind "WITH asked AS (…": the calls of each version, and what was said of them.
// After the calls that are asked for.
std::string sums(bool by_variant) {
  const char* const own = by_variant ? ", variant" : "";
  const char* const of_feedback = by_variant ? ", a.variant" : "";
  const char* const same = by_variant ? " AND s.variant IS NOT DISTINCT FROM v.variant" : "";
  const char* const order = by_variant ? ", v.calls DESC, v.variant" : "";
  return fmt::format(
      "), said AS (SELECT a.target_kind, a.target, a.target_version{}, f.name, count(*) AS count, count(f.vote) AS "
      "votes, count(*) FILTER (f.vote) AS yes, count(f.score) AS scores, avg(f.score) AS mean_score, "
      "count(f.correction) AS corrections FROM asked a JOIN feedback f ON f.call_id = a.id GROUP BY ALL), "
      "versions AS (SELECT target_kind, target, target_version{}, count(*) AS calls, count(error_code) AS errors, "
      "sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens, sum(cost_usd) AS "
      "cost_usd, coalesce(sum(schema_failures), 0)::BIGINT AS schema_failures, "
      "quantile_cont(duration_ms, 0.5) AS p50_ms, quantile_cont(duration_ms, 0.95) AS p95_ms, "
      "quantile_cont(first_token_ms, 0.5) AS first_token_p50_ms, min(started_at) AS first_at, max(started_at) AS "
      "last_at FROM asked GROUP BY ALL ORDER BY calls DESC LIMIT 1000) "
      "SELECT v.*, coalesce((SELECT list(struct_pack(name := s.name, count := s.count, votes := s.votes, yes := s.yes, "
      "scores := s.scores, mean_score := s.mean_score, corrections := s.corrections) ORDER BY s.name) FROM said s "
      "WHERE s.target_kind = v.target_kind AND s.target = v.target AND s.target_version IS NOT DISTINCT FROM "
      "v.target_version{}), []) AS feedback FROM versions v ORDER BY v.target_kind, v.target, v.target_version DESC{}",
      of_feedback, own, same, order);
}

void append_joined(std::string& out, const std::vector<std::string>& rows, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += rows[i];
  }
}

constexpr lake::Bounds page_bounds(std::int64_t rows) {
  return {rows, 64 * 1024 * 1024, std::chrono::milliseconds(10'000)};
}

}  // namespace

Result<std::unique_ptr<CallStore>> CallStore::open(const std::string& path, std::string spool,
                                                   std::size_t memory_bytes) {
  auto tables = call_tables();
  tables.push_back(feedback_table());
  auto views = call_views();
  for (auto& view : feedback_views()) views.push_back(std::move(view));
  FAIRLEAD_TRY(auto lake,
               lake::Lake::open({path, std::move(tables), memory_bytes, std::move(views), former_call_tables()}));
  return std::unique_ptr<CallStore>(new CallStore(std::move(lake), std::move(spool)));
}

Result<CallStore::Place> CallStore::read_place() {
  Place place;
  std::int64_t shapes = 0;
  const std::pair<std::string_view, std::int64_t*> notes[] = {
      {kSegmentNote, &place.from.segment},       {kOffsetNote, &place.from.offset},
      {kUntilSegmentNote, &place.until.segment}, {kUntilOffsetNote, &place.until.offset},
      {kProjectsNote, &place.projects},          {kShapesNote, &shapes}};
  for (const auto& [name, value] : notes) {
    FAIRLEAD_TRY(const auto note, lake_->note(name));
    *value = note.value_or(0);
  }
  shapes_.restart(shapes);
  return place;
}

Result<LoadReport> CallStore::load_batch(Place& place, SpoolPosition upto, std::int64_t limit) {
  const bool again = place.projects > 0;  // then the stretch is the same as it was before
  const SpoolPosition until = again ? place.until : upto;
  const SpoolLimits limits = again ? SpoolLimits{} : SpoolLimits{std::min(limit, kLoadRecords), kLoadBytes};
  const std::int64_t shapes = shapes_.next();
  LoadReport report;
  Place next;
  FAIRLEAD_CHECK(lake_->write([&](lake::Batch& batch) -> Result<void> {
    CallAppender calls(batch, shapes_, place.projects);
    const auto read = read_spool(spool_, place.from, until, limits,
                                 [&](const EncodedRecord& record) { return calls.append(record); });
    if (!read) return fail(read.error());
    const SpoolPosition end = again ? until : read->next;
    report.records = calls.records();
    if (calls.more()) {
      next = {place.from, end, place.projects + CallAppender::kProjects};
    } else {
      next = {end};
      report.damaged_bytes = read->damaged_bytes;
    }
    if (again || calls.more()) {
      FAIRLEAD_CHECK(batch.set_note(kUntilSegmentNote, next.until.segment));
      FAIRLEAD_CHECK(batch.set_note(kUntilOffsetNote, next.until.offset));
      FAIRLEAD_CHECK(batch.set_note(kProjectsNote, next.projects));
    }
    if (shapes_.next() != shapes) FAIRLEAD_CHECK(batch.set_note(kShapesNote, shapes_.next()));
    FAIRLEAD_CHECK(batch.set_note(kSegmentNote, next.from.segment));
    return batch.set_note(kOffsetNote, next.from.offset);
  }));
  report.loaded = next.from;
  report.done = next == place || (next.from >= upto && next.projects == 0);
  place = next;
  return report;
}

Result<LoadReport> CallStore::load_some(SpoolPosition upto, std::int64_t limit) {
  const std::lock_guard lock(load_mutex_);
  if (!place_) {
    FAIRLEAD_TRY(place_, read_place());
  }
  if (place_->from >= upto && place_->projects == 0) return LoadReport{.loaded = place_->from, .done = true};
  auto report = load_batch(*place_, upto, limit);
  if (!report) place_.reset();
  return report;
}

Result<LoadReport> CallStore::load(SpoolPosition upto) {
  LoadReport all;
  while (!all.done) {
    FAIRLEAD_TRY(const LoadReport some, load_some(upto, kLoadRecords));
    all.add(some);
  }
  return all;
}

Result<std::string> CallStore::page(std::string_view project, const std::string& sql,
                                    std::span<const lake::Parameter> parameters, int limit) {
  FAIRLEAD_TRY(const auto answer,
               lake_->query(project, sql, parameters, lake::RowShape::kObjects, page_bounds(limit + 1)));
  const bool more = answer.rows.size() > static_cast<std::size_t>(limit);
  std::string out = R"({"data":[)";
  append_joined(out, answer.rows, more ? answer.rows.size() - 1 : answer.rows.size());
  return out + R"(],"has_more":)" + (more ? "true}" : "false}");
}

Result<std::string> CallStore::list(std::string_view project, const CallFilter& filter) {
  const Query query = query_of(filter);
  const std::string_view order = filter.after.empty() ? "DESC" : "ASC";
  return page(project, page_sql(query.where, order, filter.limit + 1, false), query.parameters, filter.limit);
}

Result<std::string> CallStore::feedback(std::string_view project, const FeedbackFilter& filter) {
  Query query;
  if (!filter.target.name.empty()) {
    add_target(query, filter.target);
    query.where = "WHERE call_id IN (SELECT id FROM calls " + query.where + ")";
  }
  if (!filter.before.empty()) query.add("id < ", filter.before);
  query.add_text("call_id", filter.call);
  query.add_text("session_id", filter.session);
  query.add_text("user_id", filter.user);
  query.add_text("name", filter.name);
  query.add_text("author", filter.author);
  const std::string sql = std::string("FROM ") + (filter.history ? "feedback_history " : "feedback ") + query.where +
                          " ORDER BY id DESC LIMIT " + std::to_string(filter.limit + 1);
  return page(project, sql, query.parameters, filter.limit);
}

Result<std::string> CallStore::stats(std::string_view project, const StatsFilter& filter) {
  Query query;
  query.add_plain("shadow_of IS NULL AND target IS NOT NULL");
  query.add("started_at >= make_timestamp(", filter.since_us, ")");
  if (!filter.target.name.empty()) add_target(query, filter.target);
  const std::string sql = "WITH asked AS (SELECT * FROM calls " + query.where + sums(filter.by_variant);
  FAIRLEAD_TRY(const auto answer,
               lake_->query(project, sql, query.parameters, lake::RowShape::kObjects, page_bounds(kMostVersions)));
  std::string out = R"({"data":[)";
  append_joined(out, answer.rows, answer.rows.size());
  return out + "]}";
}

Result<std::string> CallStore::get(std::string_view project, std::string_view id) {
  const auto not_found = [&] {
    return fail(ErrorKind::kNotFound, "call_not_found", "There is no call `" + std::string(id) + "` in this project.",
                "id");
  };
  if (id.empty() || id.size() > 26 || !is_id(std::string(id) + std::string(26 - id.size(), '0'))) return not_found();
  Query query;
  query.add("id >= ", std::string(id));
  query.add("id <= ", std::string(id) + std::string(26 - id.size(), 'Z'));
  const std::string sql = page_sql(query.where, "ASC", 2, true);
  FAIRLEAD_TRY(auto answer, lake_->query(project, sql, query.parameters, lake::RowShape::kObjects, page_bounds(2)));
  if (answer.rows.empty()) return not_found();
  if (answer.rows.size() > 1) {
    constexpr std::int64_t kMost = kNamedIds + 1;
    const std::string some = "SELECT id FROM calls " + query.where + " ORDER BY id LIMIT " + std::to_string(kMost);
    FAIRLEAD_TRY(auto ids, lake_->query(project, some, query.parameters, lake::RowShape::kArrays, page_bounds(kMost)));
    for (std::string& row : ids.rows) row = row.substr(2, 26);  // ["01…"]
    return fail(ambiguous_id(id, ids.rows));
  }
  return std::move(answer.rows.front());
}

Result<std::string> CallStore::ask(std::string_view project, std::string_view query, std::int64_t limit) {
  lake::Bounds bounds;
  bounds.rows = std::min(limit, kMaxRows);
  FAIRLEAD_TRY(const auto answer, lake_->ask(project, query, bounds));
  std::string out = R"({"columns":[)";
  for (std::size_t i = 0; i < answer.columns.size(); ++i) {
    out.append(i > 0 ? "," : "").append(R"({"name":)");
    json::append_string(out, answer.columns[i].name);
    out += R"(,"type":)";
    json::append_string(out, answer.columns[i].type);
    out += '}';
  }
  out += R"(],"rows":[)";
  append_joined(out, answer.rows, answer.rows.size());
  return out + R"(],"truncated":)" + (answer.truncated ? "true}" : "false}");
}

Result<std::int64_t> CallStore::remove_before(std::int64_t unix_micros) {
  // Not beside a load, whose next transaction may use shapes that no row has.
  const std::lock_guard lock(load_mutex_);
  FAIRLEAD_CHECK(lake_->remove_before(kFeedbackRows, "at", unix_micros));
  FAIRLEAD_CHECK(lake_->remove_before(kAttemptRows, "started_at", unix_micros));
  FAIRLEAD_TRY(const std::int64_t removed, lake_->remove_before(kCallRows, "started_at", unix_micros));
  if (removed == 0) return 0;
  FAIRLEAD_CHECK(lake_->remove_unused(kCallShapes, "shape", kCallRows));
  place_.reset();  // and with it what is known of shapes
  return removed;
}

}  // namespace fairlead::telemetry
