#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/id.h"
#include "platform/json/text.h"
#include "telemetry/internal/codec.h"
#include "telemetry/internal/fields.h"
#include "telemetry/internal/lake_service.h"
#include "telemetry/store/call_store.h"
#include "telemetry/telemetry.h"
#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

namespace bj = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The id of call number i: later ones sort behind earlier ones.
std::string id_of(int i) {
  std::string id = "01HF000000000000000000";
  const std::string digits = std::to_string(i);
  return id + std::string(4 - digits.size(), '0') + digits;
}

std::unique_ptr<CallStore> store_in(const std::string& folder) {
  auto store = CallStore::open(folder + "/lake.duckdb", folder + "/spool", 64 * 1024 * 1024);
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

void spool(const std::string& folder, const std::vector<CallRecord>& records, std::int64_t segment_bytes = 1 << 20) {
  static const SystemClock clock;
  auto writer = SpoolWriter::create(folder + "/spool", segment_bytes, clock);
  ASSERT_TRUE(writer) << writer.error().message;
  std::string frames;
  for (std::size_t i = 0; i < records.size(); ++i) {
    append_frame(frames, records[i]);
    if (frames.size() < 16'000 && i + 1 < records.size()) continue;
    const iovec part{frames.data(), frames.size()};
    ASSERT_TRUE((*writer)->append({&part, 1}));
    frames.clear();
  }
}

std::vector<std::string> ids_of(const Result<std::string>& list) {
  if (!list) return {list.error().code};
  std::vector<std::string> ids;
  const auto value = json::parse(*list).value();
  for (const auto& call : value.at("data").as_array()) ids.emplace_back(call.at("id").as_string());
  return ids;
}

Result<std::string> list(CallStore& store, std::string_view query) {
  FAIRLEAD_TRY(const auto filter, CallFilter::parse(query));
  return store.list("bank", filter);
}

TEST(Calls, ShowsARecordWhole) {
  const TempFolder folder;
  spool(folder.path(), {full_record()});
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  const auto text = store->get("bank", "01ARZ3NDEKTSV4RRFFQ69G5FAV");
  ASSERT_TRUE(text) << text.error().message;
  const auto call = json::parse(*text).value();
  EXPECT_EQ(
      json::to_text(call),
      R"({"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","project":"bank","key_id":"key_01","started_at":"2023-11-14T22:13:20.123456Z",)"
      R"("duration_ms":412.5,"first_token_ms":61,"gateway_ms":0.25,"operation":"text_completion","requested_model":"support-reply@staging",)"
      R"("target_kind":"prompt","target":"support-reply","target_version":4,"label":"staging","variant":"russian-gold","model":"small",)"
      R"("model_version":2,"provider":"local","upstream_model":"smollm2-135m","upstream_id":"chatcmpl-1","stream":true,"status":503,)"
      R"("error_code":"upstream_timeout","error_message":"local timed out after 2 s","finish_reason":"length","input_tokens":311,)"
      R"("cached_input_tokens":200,"cache_write_tokens":50,"output_tokens":87,"reasoning_tokens":7,"usage_reported":true,"cost_usd":0.000425,)"
      R"("session_id":"s-4","user_id":"u-17","tags":["a","","c\"'"],"input":"[{\"role\":\"user\",\"content\":\"Где мой перевод?\"}]",)"
      R"("output":"На проверке.\n","shadow_of":"01ARZ3NDEKTSV4RRFFQ69G5FAU","cache":"miss","budgets":["team-a-monthly","per-user"],)"
      R"("schema_failures":2,"trimmed_tokens":843,"trimmed":"{\"history\":{\"messages\":12,\"tokens\":843}}","variant_error":"beta: line 1, column 3: division by zero.","includes":["house-style@5","rules@2"],"privacy":"{\"policies\":[\"customers@3\"],\"input\":{\"PERSON\":{\"pseudonymise\":2}}}","attempts":[{"number":1,"provider":"local","upstream_model":"smollm2","duration_ms":2000,)"
      R"("error_code":"upstream_timeout","error_message":"no byte","model":null,"reason":null,"waited_ms":0},{"number":2,"provider":"openai",)"
      R"("upstream_model":"gpt-5-mini","duration_ms":400,"error_code":null,"error_message":null,"model":"large","reason":"fallback",)"
      R"("waited_ms":180}],"feedback":[]})");
}

TEST(Calls, ShowsWhatIsNotKnownAsNull) {
  const TempFolder folder;
  CallRecord record;
  record.id = id_of(1);
  record.project = "bank";
  spool(folder.path(), {record});
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  const auto call = json::parse(store->get("bank", id_of(1)).value()).value();
  for (const auto* name :
       {"first_token_ms", "target", "target_version", "label", "model", "status", "error_code", "user_id", "output"}) {
    EXPECT_TRUE(call.at(name).is_null()) << name;
  }
  EXPECT_EQ(call.at("input_tokens"), bj::value(0));
  EXPECT_EQ(call.at("stream"), bj::value(false));
  EXPECT_EQ(call.at("tags"), bj::value(bj::array{}));
  EXPECT_EQ(call.at("attempts"), bj::value(bj::array{}));
}

TEST(Calls, ArePagedBothWays) {
  const TempFolder folder;
  std::vector<CallRecord> records;
  for (int i = 0; i < 25; ++i) records.push_back(record_of("bank", id_of(i)));
  records.push_back(record_of("shop", id_of(99)));
  spool(folder.path(), records);
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  std::vector<std::string> seen;
  std::string before;
  for (int page = 0; page < 3; ++page) {
    const auto answer = list(*store, "limit=10" + before);
    const auto ids = ids_of(answer);
    EXPECT_EQ(json::parse(*answer).value().at("has_more"), bj::value(page < 2));
    seen.insert(seen.end(), ids.begin(), ids.end());
    before = "&before=" + ids.back();
  }
  ASSERT_EQ(seen.size(), 25u);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], id_of(24 - i));
  EXPECT_THAT(ids_of(list(*store, "limit=2&after=" + id_of(20))), ElementsAre(id_of(21), id_of(22)));
  EXPECT_THAT(ids_of(list(*store, "after=" + id_of(24))), ElementsAre());
  EXPECT_EQ(ids_of(list(*store, "")).size(), 25u);
}

TEST(Calls, AreFiltered) {
  const TempFolder folder;
  std::vector<CallRecord> records;
  for (int i = 0; i < 6; ++i) records.push_back(record_of("bank", id_of(i)));
  records[1].target_kind = "model";
  records[1].target_name = "small";
  records[2].target_version = 4;
  records[2].label = "staging";
  records[3].status = 429;
  records[3].error_code = "rate_limit_exceeded";
  records[4].status = 503;
  records[4].error_code = "upstream_timeout";
  records[4].user = "u'17";
  records[5].session = "s-4";
  records[5].tags = {"eu", "beta"};
  records[5].key_id = "key_9";
  records[5].model = "large";
  records[5].shadow_of = id_of(3);
  spool(folder.path(), records);
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  const std::pair<std::string, std::vector<int>> cases[] = {
      {"target=small", {1}},
      {"target=model:small", {1}},
      {"target=prompt:small", {}},
      {"target=support-reply%404", {2}},
      {"target=prompt:support-reply@staging", {2}},
      {"status=429", {3}},
      {"status=5xx", {4}},
      {"status=2xx&target=support-reply", {5, 2, 0}},
      {"error=any", {4, 3}},
      {"error=upstream_timeout", {4}},
      {"user=u%2717", {4}},
      {"session=s-4", {5}},
      {"tag=beta", {5}},
      {"shadow_of=" + id_of(3), {5}},
      {"shadow_of=" + id_of(4), {}},
      {"shadow_of=any", {5}},
      {"shadow_of=none&status=429", {3}},
      {"tag=bet", {}},
      {"key=key_9", {5}},
      {"model=large", {5}},
      {"model=large&error=any", {}},
  };
  for (const auto& [query, expected] : cases) {
    std::vector<std::string> ids;
    for (const int i : expected) ids.push_back(id_of(i));
    EXPECT_EQ(ids_of(list(*store, query)), ids) << query;
  }
}

TEST(Calls, AreFoundByTheStartOfTheirId) {
  const TempFolder folder;
  spool(folder.path(), {record_of("bank", id_of(12)), record_of("bank", id_of(13)), record_of("shop", id_of(14))});
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  EXPECT_THAT(store->get("bank", id_of(12)).value(), HasSubstr(id_of(12)));
  const auto several = store->get("bank", id_of(12).substr(0, 25));
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, "ambiguous_id");
  EXPECT_THAT(several.error().message, HasSubstr(id_of(12) + ", " + id_of(13) + ". Give more"));
  EXPECT_EQ(store->get("bank", id_of(14)).error().code, "call_not_found");
  EXPECT_THAT(store->get("shop", "01HF").value(), HasSubstr(id_of(14)));
  for (const std::string_view id : {"", "%", "01HF'", "01HF0000000000000000000000000", "zzz", "nobody"}) {
    EXPECT_EQ(store->get("bank", id).error().code, "call_not_found") << id;
  }
}

TEST(CallFilter, RefusesWhatItDoesNotKnow) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"limt=3", "unknown_parameter"},
      {"limit=0", "invalid_value"},
      {"limit=1001", "invalid_value"},
      {"limit=x", "invalid_value"},
      {"limit=", "invalid_value"},
      {"before=x", "invalid_value"},
      {"status=99", "invalid_value"},
      {"status=6xx", "invalid_value"},
      {"status=2x", "invalid_value"},
      {"model=", "invalid_value"},
      {"target=@4", "invalid_value"},
      {"target=a@", "invalid_value"},
      {"limit=1&limit=2", "invalid_value"},
      {"=1", "unknown_parameter"},
      {"before=01HF0000000000000000000000&after=01HF0000000000000000000000", "invalid_value"},
  };
  for (const auto& [query, code] : cases) {
    const auto filter = CallFilter::parse(query);
    ASSERT_FALSE(filter) << query;
    EXPECT_EQ(filter.error().code, code) << query;
  }
  EXPECT_THAT(CallFilter::parse("limt=3").error().message, HasSubstr("Did you mean `limit`?"));
  EXPECT_EQ(CallFilter::parse("limt=3").error().param, "limt");
}

std::int64_t count(CallStore& store, const std::string& what = "count(*)", const std::string& project = "bank") {
  const auto answer = store.ask(project, "select " + what + " from calls", 10);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(*answer).value().at("rows").at(0).at(0).to_number<std::int64_t>() : -1;
}

TEST(Loading, MovesEachRecordOnce) {
  const TempFolder folder;
  std::vector<CallRecord> records;
  for (int i = 0; i < 5'000; ++i) records.push_back(record_of("bank", new_id(1'700'000'000'000'000 + i * 1000)));
  spool(folder.path(), records, 64 * 1024);
  auto store = store_in(folder.path());
  const auto first = store->load(kEverything);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->records, 5'000);
  EXPECT_EQ(store->load(kEverything)->records, 0);
  store.reset();
  store = store_in(folder.path());  // with the segments still there
  EXPECT_EQ(store->load(kEverything)->records, 0);
  EXPECT_EQ(count(*store), 5'000);
}

// Records of many projects go in a few projects at a time: `i` is one of so many.
std::string project_of(int i) {
  return "project-" + std::to_string(i % 11);
}

TEST(Loading, MovesTheRecordsOfManyProjectsOnce) {
  const TempFolder folder;
  std::vector<CallRecord> records;
  for (int i = 0; i < 5'500; ++i) records.push_back(record_of(project_of(i), new_id(1'700'000'000'000'000 + i * 1000)));
  spool(folder.path(), records, 64 * 1024);
  std::int64_t moved = 0;
  // A transaction each time, in a lake that was closed since the one before; the portions cut stretches short.
  for (int transactions = 0;; ++transactions) {
    ASSERT_LT(transactions, 100);
    const auto report = store_in(folder.path())->load_some(kEverything, 2'000);
    ASSERT_TRUE(report) << report.error().message;
    moved += report->records;
    if (report->done) break;
  }
  EXPECT_EQ(moved, 5'500);
  auto store = store_in(folder.path());
  for (int project = 0; project < 11; ++project) {
    EXPECT_EQ(count(*store, "count(distinct id)", project_of(project)), 500) << project;
    EXPECT_EQ(count(*store, "count(*)", project_of(project)), 500) << project;
  }
}

TEST(Loading, IsKilledAnywhereAndNeitherLosesNorDoubles) {
  const TempFolder folder;
  std::vector<CallRecord> records;
  for (int i = 0; i < 20'000; ++i) {
    records.push_back(record_of(i % 2 == 0 ? "bank" : project_of(i / 2), new_id(1'700'000'000'000'000 + i * 1000)));
    records.back().attempts = {{"local", "small", 1, "", ""}};
  }
  for (int part = 0; part < 4; ++part) {
    spool(folder.path(), {records.begin() + part * 5'000, records.begin() + (part + 1) * 5'000}, 256 * 1024);
  }
  int finished = 0, killed = 0;
  for (int round = 0; round < 30; ++round) {
    int output = -1;
    const pid_t child = start_child("load", {folder.path() + "/lake.duckdb", folder.path() + "/spool"}, output);
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + round * 7));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    char buffer[8];
    (::read(output, buffer, sizeof buffer) > 0 ? finished : killed)++;
    ::close(output);
  }
  EXPECT_GT(killed, 3);
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  std::int64_t calls = 0, ids = 0, attempts = 0;
  for (int i = -1; i < 11; ++i) {
    const std::string project = i < 0 ? "bank" : project_of(i);
    calls += count(*store, "count(*)", project);
    ids += count(*store, "count(distinct id)", project);
    attempts += count(*store, "(select count(*) from attempts)", project);
  }
  EXPECT_EQ(calls, 20'000);
  EXPECT_EQ(ids, 20'000);
  EXPECT_EQ(attempts, 20'000);
}

TEST(Loading, IsKilledWhileTheLakeIsMade) {
  for (int round = 0; round < 16; ++round) {
    const TempFolder folder;
    spool(folder.path(), {record_of("bank", id_of(1))});
    int output = -1;
    const pid_t child = start_child("load", {folder.path() + "/lake.duckdb", folder.path() + "/spool"}, output);
    // At about the time at which it gets to it.
    for (int i = 0; i < 2'000 && std::distance(std::filesystem::directory_iterator(folder.path()), {}) < 2; ++i)
      ::usleep(100);
    ::usleep(static_cast<useconds_t>(round * 250));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(output);
    auto store = store_in(folder.path());
    ASSERT_TRUE(store->load(kEverything));
    EXPECT_EQ(count(*store), 1);
  }
}

TEST(Loading, StartsOverWhereTheLakeIsNew) {
  const TempFolder folder;
  spool(folder.path(), {record_of("bank", id_of(1))});
  store_in(folder.path())->load(kEverything).value();
  std::filesystem::remove(folder.path() + "/lake.duckdb");
  auto store = store_in(folder.path());
  EXPECT_EQ(store->load(kEverything)->records, 1);
}

std::int64_t count_of(CallStore& store, const std::string& sql) {
  const auto answer = store.ask("bank", sql, 10);
  if (!answer) {
    ADD_FAILURE() << answer.error().message;
    return -1;
  }
  return json::parse(*answer).value().at("rows").at(0).at(0).as_int64();
}

// What calls have alike is kept once, but no call takes another's.
TEST(Loading, KeepsEachCallsOwnThings) {
  const TempFolder folder;
  std::vector<CallRecord> records;
  for (int i = 0; i < 300; ++i) {
    CallRecord& record = records.emplace_back(record_of("bank", id_of(i)));
    record.model = record.target_name = "model-" + std::to_string(i % 7);
    record.status = 200 + i % 3;
    record.usage.input = i;
    record.provider = "here";
    record.attempts = {{"here", "upstream-" + std::to_string(i % 2), 1000 * i, "", ""}};
    if (i % 5 == 0) record.attempts.push_back({"there", "other", 7, "upstream_reset", "It ended."});
  }
  spool(folder.path(), records);
  auto store = store_in(folder.path());
  for (SpoolPosition loaded; loaded.segment < kEverything.segment;) {
    const auto report = store->load_some(kEverything, 40);  // shapes outlive a transaction
    ASSERT_TRUE(report) << report.error().message;
    if (report->done) break;
    if (loaded.segment == 0) store = store_in(folder.path());  // and are numbered on after a restart
    loaded = report->loaded;
  }
  EXPECT_EQ(count_of(*store, "select count(*) from calls"), 300);
  EXPECT_EQ(count_of(*store,
                     "select count(*) from calls where model = 'model-' || input_tokens % 7 and target = model "
                     "and status = 200 + input_tokens % 3 and id like '%' || input_tokens"),
            300);
  EXPECT_EQ(count_of(*store, "select count(*) from attempts"), 360);
  EXPECT_EQ(count_of(*store,
                     "select count(*) from attempts a join calls c on a.call_id = c.id where number = 1 and "
                     "a.provider = 'here' and a.upstream_model = 'upstream-' || input_tokens % 2 and "
                     "a.duration_ms = input_tokens and a.started_at = c.started_at and a.waited_ms = 0 and "
                     "a.error_code is null"),
            300);
  EXPECT_EQ(count_of(*store, "select count(*) from attempts where number = 2 and error_code = 'upstream_reset'"), 60);
}

// How calls lay in the lake until November 2026.
TEST(Loading, TakesOverTheTablesOfAnOlderFairlead) {
  const TempFolder folder;
  std::vector<lake::Table> tables;
  for (auto& former : former_call_tables()) tables.push_back(std::move(former.table));
  tables[0].columns.pop_back();  // of an even older one
  {
    auto lake = lake::Lake::open({folder.path() + "/lake.duckdb", tables});
    ASSERT_TRUE(lake) << lake.error().message;
    ASSERT_TRUE((*lake)->write([&](lake::Batch& batch) -> Result<void> {
      for (int i = 0; i < 200; ++i) {
        for (const auto& table : tables) {
          FAIRLEAD_TRY(lake::Rows* const rows, batch.rows("bank", table.name));
          for (const auto& column : table.columns) {
            if (column.name == "id" || column.name == "call_id") {
              rows->text(id_of(i));
            } else if (column.name == "model" && i % 2 == 0) {
              rows->text("even");
            } else if (column.name == "input_tokens" || column.name == "number") {
              rows->integer(i);
            } else {
              rows->null();
            }
          }
          FAIRLEAD_CHECK(rows->end_row());
        }
      }
      return {};
    }));
  }
  for (int times = 0; times < 2; ++times) {
    auto store = store_in(folder.path());
    EXPECT_EQ(count_of(*store,
                       "select count(*) from calls where id like '%' || input_tokens and (model = 'even') is "
                       "not distinct from if(input_tokens % 2 = 0, true, null)"),
              200);
    EXPECT_EQ(count_of(*store, "select count(*) from attempts where call_id like '%' || number"), 200);
    spool(folder.path(), {record_of("bank", id_of(1000 + times))});
    ASSERT_TRUE(store->load(kEverything));
    EXPECT_EQ(count_of(*store, "select count(*) from calls"), 201 + times);
  }
}

TEST(Loading, Expires) {
  const TempFolder folder;
  CallRecord old = record_of("bank", id_of(1)), young = record_of("bank", id_of(2));
  young.started_at_us += 1'000'000;
  spool(folder.path(), {old, young});
  auto store = store_in(folder.path());
  ASSERT_TRUE(store->load(kEverything));
  EXPECT_EQ(store->remove_before(young.started_at_us).value(), 1);
  EXPECT_THAT(ids_of(list(*store, "")), ElementsAre(id_of(2)));
  EXPECT_EQ(store->remove_before(young.started_at_us + 1).value(), 1);
  // What calls had alike went with the last of them, and comes back with the next.
  spool(folder.path(), {young});
  ASSERT_TRUE(store->load(kEverything));
  EXPECT_THAT(ids_of(list(*store, "")), ElementsAre(id_of(2)));
}

TEST(LocalLake, IsClosedWhenItHasGrownAndGoesOn) {
  const TempFolder folder;
  spool(folder.path(), {record_of("bank", id_of(1)), record_of("shop", id_of(2))});
  const SystemClock clock;
  const auto lake = make_local_lake(
      {.path = folder.path() + "/lake.duckdb", .spool = folder.path() + "/spool", .slim_bytes = 1}, clock);
  ASSERT_TRUE(lake->load(kEverything, INT64_MAX));
  // It has let go of the file.
  EXPECT_EQ(count(*store_in(folder.path())), 1);
  spool(folder.path(), {record_of("bank", id_of(3))});
  const auto report = lake->load(kEverything, INT64_MAX);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->records, 1);
  EXPECT_THAT(lake->look(Look::kCalls, "bank", "").value(), HasSubstr(id_of(3)));
}

class LakeProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    spool(folder_.path(), {record_of("bank", id_of(1)), record_of("bank", id_of(2))});
    lake_ = make_lake_process(
        {"/proc/self/exe", std::string(kLakeProcessArgument)},
        {folder_.path() + "/lake.duckdb", folder_.path() + "/spool", 256 * 1024 * 1024, std::chrono::milliseconds(0)},
        clock_);
  }
  std::string count() { return lake_->ask("bank", "select count(*) from calls", 10).value_or("failed"); }

  const TempFolder folder_;
  const SystemClock clock_;
  std::unique_ptr<LakeService> lake_;
  static constexpr std::string_view kTwo =
      R"x({"columns":[{"name":"count_star()","type":"BIGINT"}],"rows":[[2]],"truncated":false})x";
};

TEST_F(LakeProcess, AnswersLikeTheLakeInThisProcess) {
  const auto report = lake_->load(kEverything, INT64_MAX);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->records, 2);
  EXPECT_EQ(count(), kTwo);
  EXPECT_THAT(ids_of(lake_->look(Look::kCalls, "bank", "limit=1")), ElementsAre(id_of(2)));
  EXPECT_EQ(lake_->look(Look::kCalls, "bank", "limt=1").error().code, "unknown_parameter");
  EXPECT_EQ(lake_->get("bank", "zz").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(lake_->ask("bank", "drop table calls", 10).error().code, "invalid_sql");
  EXPECT_EQ(lake_->remove_before(0).value(), 0);
}

TEST_F(LakeProcess, EndsWhenItIsNotNeededAndStartsAgain) {
  ASSERT_TRUE(lake_->load(kEverything, INT64_MAX));
  lake_->rest();
  // It has let go of the file.
  EXPECT_TRUE(CallStore::open(folder_.path() + "/lake.duckdb", folder_.path() + "/spool", 64 * 1024 * 1024));
  EXPECT_EQ(count(), kTwo);
}

TEST_F(LakeProcess, SaysWhoHasTheLake) {
  ASSERT_TRUE(lake_->load(kEverything, INT64_MAX));
  EXPECT_EQ(count(), kTwo);  // after which it is open, however large the process was after the load
  auto other = make_lake_process({"/proc/self/exe", std::string(kLakeProcessArgument)},
                                 {folder_.path() + "/lake.duckdb", folder_.path() + "/spool"}, clock_);
  EXPECT_EQ(other->load(kEverything, INT64_MAX).error().code, "lake_locked");
}

TEST_F(LakeProcess, WaitsForAnotherOneToLetGo) {
  auto store = store_in(folder_.path());
  auto patient = make_lake_process({"/proc/self/exe", std::string(kLakeProcessArgument)},
                                   {.path = folder_.path() + "/lake.duckdb",
                                    .spool = folder_.path() + "/spool",
                                    .lock_wait = std::chrono::milliseconds(10'000)},
                                   clock_);
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    store.reset();
  });
  const auto report = patient->load(kEverything, INT64_MAX);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->records, 2);
}

TEST_F(LakeProcess, HoldsAQueryThatTakesAllMemory) {
  ASSERT_TRUE(lake_->load(kEverything, INT64_MAX));
  // What the engine does not count towards its limit.
  for (const std::string query : {"select length(repeat('x', 4000000000))",
                                  "with recursive t as (select 'x' as s, 0 as n union all select s || s, n + 1 from t "
                                  "where n < 33) select max(length(s)) from t",
                                  "select length(lpad('x', 2000000000, 'y'))", "select len(range(500000000))"}) {
    const auto answer = lake_->ask("bank", query, 10);
    ASSERT_FALSE(answer) << query << *answer;
    EXPECT_THAT(answer.error().code, ::testing::AnyOf("sql_too_large", "sql_timeout", "invalid_sql"))
        << query << ": " << answer.error().message;
    EXPECT_EQ(count(), kTwo) << query;
  }
}

// Of the lake's process, which is this one's only child; 0 where the kernel does not list children.
pid_t child_of_this() {
  std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  pid_t child = 0;
  children >> child;
  return child;
}

// What the thread of a process that has worked most has done: milliseconds on a core, and how often it gave that away.
std::pair<long, long> busiest_thread(pid_t process) {
  std::pair<long, long> busiest;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    long long nanoseconds = 0;
    std::ifstream(task.path() / "schedstat") >> nanoseconds;
    std::ifstream status(task.path() / "status");
    constexpr std::string_view kLabel = "voluntary_ctxt_switches:";
    long switches = 0;
    for (std::string line; std::getline(status, line);)
      if (line.starts_with(kLabel)) switches = std::stol(line.substr(kLabel.size()));
    busiest = std::max(busiest, std::pair{static_cast<long>(nanoseconds / 1'000'000), switches});
  }
  return busiest;
}

TEST_F(LakeProcess, LetsCallsHaveTheCoreWhileItLoads) {
  spool(folder_.path(), std::vector(20'000, record_of("bank", id_of(3))));
  ASSERT_EQ(lake_->load(kEverything, INT64_MAX).value().records, 20'002);
  const pid_t child = child_of_this();
  if (child <= 0) GTEST_SKIP() << "this kernel does not list children";
  const auto [worked_ms, switches] = busiest_thread(child);
  EXPECT_GE(switches, worked_ms / 2);  // of which, without pauses, less than a third
}

TEST_F(LakeProcess, ComesBackAfterItWasKilled) {
  ASSERT_TRUE(lake_->load(kEverything, INT64_MAX));
  for (int i = 0; i < 3; ++i) {
    const pid_t child = child_of_this();
    if (child <= 0) GTEST_SKIP() << "this kernel does not list children";
    ::kill(child, SIGKILL);
    EXPECT_THAT(ids_of(lake_->look(Look::kCalls, "bank", "")), ElementsAre(id_of(2), id_of(1)));
  }
}

// docs/reference/records.md has every column, and the OpenTelemetry name that the table gives it.
TEST(Records, AreDocumented) {
  std::ifstream file(std::string(FAIRLEAD_SOURCE_DIR) + "/docs/reference/records.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const auto expect_row = [&](std::string_view column, std::string_view convention) {
    const auto at = page.find("| `" + std::string(column) + "` |");
    ASSERT_NE(at, std::string::npos) << column;
    const std::string row = page.substr(at, page.find('\n', at) - at);
    if (!convention.empty()) {
      EXPECT_THAT(row, HasSubstr("`" + std::string(convention) + "`"));
    }
  };
  for (const auto& field : call_fields()) expect_row(field.column, field.convention);
  for (const auto& field : attempt_fields()) expect_row(field.column, "");
  for (const auto column : kAttemptKeys) expect_row(column, "");
}

}  // namespace
}  // namespace fairlead::telemetry
