// What strangers may ask, and what they may not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/lake/lake.h"

namespace fairlead::lake {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string nested(std::string_view open, int times, std::string_view inside, std::string_view close) {
  std::string out;
  for (int i = 0; i < times; ++i) out += open;
  out += inside;
  for (int i = 0; i < times; ++i) out += close;
  return out;
}

class Ask : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = ::testing::TempDir() + "askXXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ + "/secret.csv") << "secret\nhunter2\n";
    auto opened = Lake::open({folder_ + "/lake.duckdb",
                              {{"call_rows",
                                {{"id", ColumnType::kText},
                                 {"size", ColumnType::kInteger},
                                 {"at", ColumnType::kTime},
                                 {"tags", ColumnType::kTexts}},
                                false},
                               {"attempts", {{"call_id", ColumnType::kText}, {"number", ColumnType::kNumber}}}},
                              64 * 1024 * 1024,
                              {{"calls", "SELECT * FROM call_rows"}}});
    ASSERT_TRUE(opened) << opened.error().message;
    lake_ = std::move(*opened);
    for (const std::string tenant : {"mine", "theirs"}) {
      ASSERT_TRUE(lake_->write([&](Batch& batch) -> Result<void> {
        FAIRLEAD_TRY(Rows* const calls, batch.rows(tenant, "call_rows"));
        FAIRLEAD_TRY(Rows* const attempts, batch.rows(tenant, "attempts"));
        for (int i = 0; i < 3000; ++i) {
          calls->text(tenant + "-" + std::to_string(i));
          calls->integer(tenant == "mine" ? i : 1'000'000 + i);
          calls->time(1'700'000'000'000'000 + i);
          calls->texts({});
          FAIRLEAD_CHECK(calls->end_row());
          attempts->text(tenant + "-" + std::to_string(i));
          attempts->integer(1);
          FAIRLEAD_CHECK(attempts->end_row());
        }
        return {};
      }));
    }
  }
  static void TearDownTestSuite() {
    lake_.reset();
    std::filesystem::remove_all(folder_);
  }
  static Result<Answer> ask(std::string_view sql, Bounds bounds = {}) { return lake_->ask("mine", sql, bounds); }

  static std::string folder_;
  static std::unique_ptr<Lake> lake_;
};
std::string Ask::folder_;
std::unique_ptr<Lake> Ask::lake_;

TEST_F(Ask, AnswersQueries) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"select count(*) from calls", "[3000]"},
      {"SELECT COUNT(*) FROM Calls;", "[3000]"},
      {"from calls select max(size)", "[2999]"},
      {"select max(c.size) from calls c join attempts a on a.call_id = c.id where a.number = 1", "[2999]"},
      {"with big as (select * from calls where size > 2990) select count(*) from big", "[9]"},
      {"with calls as (select * from calls where size > 2990) select count(*) from calls", "[9]"},
      {"with a as materialized (select 1 as x), b as (select x + 1 as x from a) select x from b", "[2]"},
      {"with recursive t as (select 1 as x union all select x + 1 from t where x < 5) select max(x) from t", "[5]"},
      {"select (select max(size) from calls) + (with n as (select 1 as one) select one from n)", "[3000]"},
      {"select x from unnest([7]) t(x)", "[7]"},
      {"select count(*) from range(3) r(i), lateral (select i)", "[3]"},
      {"values (1, 'a')", R"([1,"a"])"},
      {"select sum(size)::hugeint, avg(size), median(size), 1.50::decimal(4,2) from calls",
       "[4498500,1499.5,1499.5,1.50]"},
      {"select date '2026-11-24', timestamp '2026-11-24 14:02:19', interval 90 seconds, null, true, 'é\"'",
       R"(["2026-11-24","2026-11-24T14:02:19.000000Z","PT90S",null,true,"é\""])"},
      {"select {'a': [1, 2], 'b': map {'k': 1}}", R"([{"a":[1,2],"b":{"k":1}}])"},
      {"select 'nan'::double, -170141183460469231731687303715884105727::hugeint",
       "[null,-170141183460469231731687303715884105727]"},
      {"select size from calls order by size desc nulls last limit 1 offset 2", "[2997]"},
      {"select row_number() over (order by size) from calls qualify size = 4", "[5]"},
      {"select * from (select size % 2 as odd, size from calls) pivot (count(*) for odd in (0, 1)) where false union "
       "all select 1, 2, 3",
       "[1,2,3]"},
      {"select list_transform([1, 2], lambda x: x + 1)", "[[2,3]]"},
      {"describe attempts", R"(["call_id","VARCHAR","YES",null,null,null])"},
      {"select column_name from (summarize calls) where column_name = 'id'", R"(["id"])"},
  };
  for (const auto& [sql, first] : cases) {
    const auto answer = ask(sql);
    ASSERT_TRUE(answer) << sql << ": " << answer.error().message;
    ASSERT_FALSE(answer->rows.empty()) << sql;
    EXPECT_EQ(answer->rows.front(), first) << sql;
    EXPECT_FALSE(answer->truncated) << sql;
  }
}

// Whatever is neither the tenant's tables nor a pure function of its arguments.
TEST_F(Ask, RefusesEverythingElse) {
  const std::string file = folder_ + "/secret.csv";
  const std::string theirs = "p_746865697273.calls";  // "theirs" in hexadecimal
  const std::string attacks[] = {
      // files
      "select * from read_csv('" + file + "')",
      "select * from read_csv_auto('" + file + "')",
      "select * from read_text('" + file + "')",
      "select * from read_blob('" + file + "')",
      "select * from read_json('" + file + "')",
      "select * from read_parquet('" + file + "')",
      "select * from parquet_metadata('" + file + "')",
      "select * from '" + file + "'",
      "select * from \"" + file + "\"",
      "select * from glob('/*')",
      "select * from sniff_csv('" + file + "')",
      "copy calls to '" + folder_ + "/out.csv'",
      "copy (select 1) to '" + folder_ + "/out.csv'",
      "copy calls from '" + file + "'",
      "export database '" + folder_ + "/out'",
      "import database '" + folder_ + "/out'",
      "attach '" + folder_ + "/other.duckdb'",
      "attach '" + folder_ + "/lake.duckdb' as again",
      "detach lake",
      "use memory",
      // extensions, settings, the engine
      "install httpfs",
      "load httpfs",
      "set memory_limit = '10GB'",
      "reset memory_limit",
      "set enable_external_access = true",
      "pragma version",
      "pragma database_list",
      "call pragma_version()",
      "checkpoint",
      "vacuum",
      "analyze",
      "explain select 1",
      "explain analyze select * from calls",
      "select current_setting('memory_limit')",
      "select getvariable('x')",
      "select getenv('HOME')",
      "set variable x = 1",
      "select * from duckdb_settings()",
      "select * from duckdb_secrets()",
      "select * from pragma_database_size()",
      "select * from pragma_version()",
      "select * from duckdb_logs",
      "select write_log('x')",
      "select * from enable_logging()",
      "select * from checkpoint()",
      // other tables, other tenants
      "select * from " + theirs,
      "select * from lake." + theirs,
      "select * from main.notes",
      "select * from notes",
      "select * from temp.calls",
      "select * from main.calls",
      "describe " + theirs,
      "summarize " + theirs,
      "describe",
      "show tables",
      "show all tables",
      "show databases",
      "select * from (show tables)",
      "select * from information_schema.tables",
      "select * from duckdb_tables",
      "select * from duckdb_tables()",
      "select * from duckdb_columns()",
      "select * from duckdb_views()",
      "select * from sqlite_master",
      "select * from pg_catalog.pg_tables",
      "select * from pg_tables",
      "select pg_get_viewdef(1)",
      "select * from query('select * from " + theirs + "')",
      "select * from query_table('" + theirs + "')",
      "select * from query_table(['calls', '" + theirs + "'])",
      "from " + theirs,
      "table " + theirs,
      "select (select max(size) from " + theirs + ")",
      "select * from calls where id in (select id from " + theirs + ")",
      "select * from calls where exists (from " + theirs + ")",
      "select * from calls order by (select max(size) from " + theirs + ")",
      "select * from calls limit (select max(size) from " + theirs + ")",
      "select count(*) filter (where (select true from " + theirs + " limit 1)) from calls",
      "select sum(size) over (order by (select max(size) from " + theirs + ")) from calls",
      "select * from calls join " + theirs + " t on true",
      "select * from calls asof join " + theirs + " t on calls.size >= t.size",
      "select * from calls, lateral (select * from " + theirs + ")",
      "select * from calls union all select * from " + theirs,
      "select * from unnest((select list(id) from " + theirs + "))",
      "select * from range((select max(size) from " + theirs + "))",
      "select [x for x in (select list(id) from " + theirs + ")]",
      "select list_transform([1], lambda x: (select max(size) from " + theirs + "))",
      "select case when true then (select max(size) from " + theirs + ") end",
      "with x as (select * from " + theirs + ") select * from x",
      "with x as materialized (select * from " + theirs + ") select * from x",
      "with recursive x as (select 1 as a union all select size from " + theirs + ") select * from x",
      "values ((select max(size) from " + theirs + "))",
      "from " + theirs + " pivot (count(*) for size in (1))",
      "pivot calls on size",
      "unpivot " + theirs + " on size",
      "select * from calls tablesample ((select 1) rows)",
      // a name that is a common table expression elsewhere, and a table of the engine's here
      "with duckdb_tables as (select * from duckdb_tables) select * from duckdb_tables",
      "with duckdb_tables as materialized (select * from duckdb_tables) select * from duckdb_tables",
      "select * from (with duckdb_tables as (select 1) select * from duckdb_tables) a, duckdb_tables b",
      "with a as (select * from duckdb_tables), duckdb_tables as (select 1) select * from a",
      "select (with duckdb_views as (select 1) select 1), * from duckdb_views",
      "select * from sqlite_master where (with sqlite_master as (select 1) select true)",
      "with DUCKDB_TABLES as (from duckdb_tables) from DUCKDB_TABLES",
      // functions that run or plan SQL, or tell what is elsewhere
      "select json_serialize_plan('select * from " + theirs + "')",
      "select * from json_execute_serialized_sql(json_serialize_sql('select * from " + theirs + "'))",
      "select stats(size) from calls",
      "select nextval('s')",
      "select __internal_decompress_string(1::ubigint)",
      "select current_schemas(true)",
      "select * from seq_scan('calls')",
      "select * from sql_auto_complete('select * from ')",
      "select * from test_all_types()",
      "select has_table_privilege('" + theirs + "', 'select')",
      // writing
      "insert into calls values ('x', 1, null, null)",
      "update calls set size = 0",
      "delete from calls",
      "delete from " + theirs,
      "truncate calls",
      "drop view calls",
      "drop schema p_746865697273 cascade",
      "alter table calls add column x int",
      "create table x (a int)",
      "create temp table x as select 1",
      "create or replace view calls as select * from " + theirs,
      "create macro f() as table select * from " + theirs,
      "create type x as enum ('a')",
      "create sequence s",
      "merge into calls using calls c on false when not matched then insert values ('x', 1, null, null)",
      "begin",
      "commit",
      "prepare x as select 1",
      "execute x",
      "deallocate x",
      "with x as (insert into calls values ('x', 1, null, null) returning *) select * from x",
      // more than one, none, nonsense
      "select 1; select 2",
      "select 1; drop view calls",
      "select 1; attach '" + folder_ + "/other.duckdb'",
      "",
      ";",
      "-- nothing",
      "selec 1",
      "select $1",
      "select ?",
      "select $x",
      std::string("select 1\0; drop view calls", 25),
      "select " + std::string(20'000, '1'),
      "select " + nested("abs(", 2'000, "1", ")"),
      "select " + nested("(select ", 1'500, "1", ")"),
  };
  for (const auto& attack : attacks) {
    const auto answer = ask(attack);
    ASSERT_FALSE(answer) << attack << " → " << (answer->rows.empty() ? "no rows" : answer->rows.front());
    EXPECT_EQ(answer.error().code, "invalid_sql") << attack << ": " << answer.error().message;
    EXPECT_FALSE(answer.error().message.empty()) << attack;
    EXPECT_THAT(answer.error().message, Not(HasSubstr("hunter2"))) << attack;
    EXPECT_THAT(answer.error().message, Not(HasSubstr("theirs-"))) << attack;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/out.csv"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/other.duckdb"));
  EXPECT_EQ(ask("select count(*) from calls")->rows.front(), "[3000]");
  EXPECT_EQ(lake_->query("theirs", "select count(*) from calls", {}, RowShape::kArrays, {})->rows.front(), "[3000]");
}

TEST_F(Ask, SaysWhichTablesThereAre) {
  const auto answer = ask("select * from cals");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message,
            "There is no table `cals`. Did you mean `calls`? The tables are `attempts` `calls`.");
}

TEST_F(Ask, NamesWhatIsShownAlone) {
  const auto answer = ask("select * from call_rows");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "invalid_sql");
}

// Neither a plan nor a failing cast can bring another tenant's values to light, because a query never reads their
// tables.
TEST_F(Ask, ErrorsTellOwnValuesAlone) {
  for (const std::string_view sql : {"select cast(id as integer) from calls", "select error(id) from calls",
                                     "select 1 from calls where id::int = 1"}) {
    const auto answer = ask(sql);
    ASSERT_FALSE(answer) << sql;
    EXPECT_THAT(answer.error().message, HasSubstr("mine-")) << sql;
    EXPECT_EQ(answer.error().code, "invalid_sql");
  }
}

TEST_F(Ask, ReportsAnErrorInTheMiddleOfTheRows) {
  const auto answer = ask("select case when size = 2900 then error('late') else size end from calls", {10'000});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("late"));
}

TEST_F(Ask, BoundsRows) {
  const auto exact = ask("select size from calls limit 10", {10});
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->rows.size(), 10u);
  EXPECT_FALSE(exact->truncated);
  const auto more = ask("select size from calls", {10});
  ASSERT_TRUE(more);
  EXPECT_EQ(more->rows.size(), 10u);
  EXPECT_TRUE(more->truncated);
}

TEST_F(Ask, BoundsBytes) {
  const auto answer = ask("select lpad('', 1000, 'x') from calls", {1'000'000, 100'000});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->rows.size(), 100u);
  EXPECT_TRUE(answer->truncated);
}

TEST_F(Ask, BoundsTime) {
  for (const std::string_view sql : {
           "select count(*) from calls a, calls b, calls c, calls d where a.size + b.size + c.size + d.size = 1",
           "with recursive t as (select 1 as x union all select x + 1 from t) select count(*) from t",
           "select count(*) from range(1000000000000) a(i) where i % 7 = 8",
           "select sum(i) from range(10000000) a(i), range(10000000) b(j)",
       }) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = ask(sql, {1000, 4 * 1024 * 1024, std::chrono::milliseconds(300)});
    const auto took = std::chrono::steady_clock::now() - start;
    ASSERT_FALSE(answer) << sql;
    EXPECT_THAT(answer.error().code, AnyOf("sql_timeout", "sql_too_large")) << sql << ": " << answer.error().message;
    EXPECT_LT(took, std::chrono::seconds(5)) << sql;
  }
}

TEST_F(Ask, BoundsMemory) {
  const auto answer = ask("select a.id || b.id as x, count(*) from calls a, calls b group by x order by x");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "sql_too_large") << answer.error().message;
}

TEST_F(Ask, RefusesWhatItCannotShow) {
  const auto answer = ask("select '0101'::bit as bits");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("`bits`"));
}

}  // namespace
}  // namespace fairlead::lake
