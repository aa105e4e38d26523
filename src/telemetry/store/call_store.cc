#include "telemetry/store/call_store.h"

#include <limits>
#include <vector>

#include "base/id.h"
#include "platform/json/text.h"
#include "telemetry/internal/fields.h"

namespace fairlead::telemetry {
namespace {

constexpr std::int64_t kBatch = 2000;  // records a transaction
constexpr std::string_view kSegmentNote = "spool_segment", kOffsetNote = "spool_offset";
constexpr std::int64_t kMaxRows = 10'000;

lake::ColumnType column_type(FieldType type) {
  switch (type) {
    case FieldType::kText:
      return lake::ColumnType::kText;
    case FieldType::kTime:
      return lake::ColumnType::kTime;
    case FieldType::kMillis:
    case FieldType::kReal:
      return lake::ColumnType::kReal;
    case FieldType::kNumber:
      return lake::ColumnType::kNumber;
    case FieldType::kCount:
      return lake::ColumnType::kInteger;
    case FieldType::kBoolean:
      return lake::ColumnType::kBoolean;
    case FieldType::kTexts:
      return lake::ColumnType::kTexts;
  }
  return lake::ColumnType::kText;
}

std::vector<lake::Table> tables() {
  lake::Table calls{"calls", {}};
  for (const auto& field : call_fields()) calls.columns.push_back({std::string(field.column), column_type(field.type)});
  lake::Table attempts{"attempts",
                       {{"call_id", lake::ColumnType::kText},
                        {"project", lake::ColumnType::kText},
                        {"started_at", lake::ColumnType::kTime},
                        {"number", lake::ColumnType::kNumber}}};
  for (const auto& field : attempt_fields())
    attempts.columns.push_back({std::string(field.column), column_type(field.type)});
  return {std::move(calls), std::move(attempts)};
}

void append(lake::Rows& rows, FieldType type, const FieldRef& ref) {
  switch (type) {
    case FieldType::kText: {
      const std::string& text = **std::get_if<std::string*>(&ref);
      return text.empty() ? rows.null() : rows.text(text);
    }
    case FieldType::kTime:
      return rows.time(**std::get_if<std::int64_t*>(&ref));
    case FieldType::kMillis: {
      const std::int64_t micros = **std::get_if<std::int64_t*>(&ref);
      return micros < 0 ? rows.null() : rows.real(static_cast<double>(micros) / 1000);
    }
    case FieldType::kNumber: {
      const int number = **std::get_if<int*>(&ref);
      return number == 0 ? rows.null() : rows.integer(number);
    }
    case FieldType::kCount:
      return rows.integer(**std::get_if<std::int64_t*>(&ref));
    case FieldType::kReal:
      return rows.real(**std::get_if<double*>(&ref));
    case FieldType::kBoolean:
      return rows.boolean(**std::get_if<bool*>(&ref));
    case FieldType::kTexts:
      return rows.texts(**std::get_if<std::vector<std::string>*>(&ref));
  }
}

Result<void> append_call(lake::Batch& batch, const CallRecord& record) {
  FAIRLEAD_TRY(lake::Rows* const calls, batch.rows(record.project, "calls"));
  for (const auto& field : call_fields()) append(*calls, field.type, field.ref(const_cast<CallRecord&>(record)));
  FAIRLEAD_CHECK(calls->end_row());
  int number = 0;
  for (const auto& attempt : record.attempts) {
    FAIRLEAD_TRY(lake::Rows* const attempts, batch.rows(record.project, "attempts"));
    attempts->text(record.id);
    attempts->text(record.project);
    attempts->time(record.started_at_us);
    attempts->integer(++number);
    for (const auto& field : attempt_fields()) append(*attempts, field.type, field.ref(const_cast<Attempt&>(attempt)));
    FAIRLEAD_CHECK(attempts->end_row());
  }
  return {};
}

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

Query query_of(const CallFilter& filter) {
  Query query;
  if (!filter.before.empty()) query.add("id < ", filter.before);
  if (!filter.after.empty()) query.add("id > ", filter.after);
  query.add_text("target_kind", filter.target_kind);
  query.add_text("target", filter.target);
  query.add_text("label", filter.target_label);
  if (filter.target_version) query.add("target_version = ", std::int64_t{*filter.target_version});
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

// A page of calls, each with its attempts as a list.
std::string page_sql(const std::string& where, std::string_view order, std::int64_t limit, bool content) {
  std::string columns, attempt;
  for (const auto& field : call_fields()) {
    if (!content && (field.column == "input" || field.column == "output")) continue;
    columns.append(columns.empty() ? "" : ", ").append(field.column);
  }
  attempt = "number := number";
  for (const auto& field : attempt_fields())
    attempt.append(", ").append(field.column).append(" := ").append(field.column);
  const std::string ordered = " ORDER BY id " + std::string(order);
  return "WITH page AS (SELECT " + columns + " FROM calls " + where + ordered + " LIMIT " + std::to_string(limit) +
         "), tried AS (SELECT call_id, list(struct_pack(" + attempt +
         ") ORDER BY number) AS attempts FROM attempts WHERE call_id IN (SELECT id FROM page) GROUP BY call_id) "
         "SELECT page.*, coalesce(tried.attempts, []) AS attempts FROM page LEFT JOIN tried ON tried.call_id = "
         "page.id" +
         ordered;
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
  FAIRLEAD_TRY(auto lake, lake::Lake::open({path, tables(), memory_bytes}));
  return std::unique_ptr<CallStore>(new CallStore(std::move(lake), std::move(spool)));
}

Result<SpoolRead> CallStore::load_batch(SpoolPosition from, SpoolPosition upto) {
  SpoolRead read{from};
  FAIRLEAD_CHECK(lake_->write([&](lake::Batch& batch) -> Result<void> {
    auto result =
        read_spool(spool_, from, upto, kBatch, [&](const CallRecord& record) { return append_call(batch, record); });
    if (!result) return fail(std::move(result).error());
    read = *result;
    FAIRLEAD_CHECK(batch.set_note(kSegmentNote, read.next.segment));
    return batch.set_note(kOffsetNote, read.next.offset);
  }));
  return read;
}

Result<LoadReport> CallStore::load(SpoolPosition upto) {
  const std::lock_guard lock(load_mutex_);
  FAIRLEAD_TRY(const auto segment, lake_->note(kSegmentNote));
  FAIRLEAD_TRY(const auto offset, lake_->note(kOffsetNote));
  LoadReport report{{segment.value_or(0), offset.value_or(0)}};
  while (report.loaded < upto) {
    FAIRLEAD_TRY(const SpoolRead read, load_batch(report.loaded, upto));
    const bool moved = report.loaded != read.next;
    report.loaded = read.next;
    report.records += read.records;
    report.damaged_bytes += read.damaged_bytes;
    if (!moved) break;
  }
  return report;
}

Result<std::string> CallStore::list(std::string_view project, const CallFilter& filter) {
  const Query query = query_of(filter);
  const std::string sql = page_sql(query.where, filter.after.empty() ? "DESC" : "ASC", filter.limit + 1, false);
  FAIRLEAD_TRY(const auto answer,
               lake_->query(project, sql, query.parameters, lake::RowShape::kObjects, page_bounds(filter.limit + 1)));
  const bool more = answer.rows.size() > static_cast<std::size_t>(filter.limit);
  std::string out = R"({"data":[)";
  append_joined(out, answer.rows, more ? answer.rows.size() - 1 : answer.rows.size());
  return out + R"(],"has_more":)" + (more ? "true}" : "false}");
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
    return fail(ErrorKind::kInvalid, "ambiguous_id",
                "More than one call begins with `" + std::string(id) + "`. Give more of it.", "id");
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
  FAIRLEAD_CHECK(lake_->remove_before("attempts", "started_at", unix_micros));
  return lake_->remove_before("calls", "started_at", unix_micros);
}

}  // namespace fairlead::telemetry
