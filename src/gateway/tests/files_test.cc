// /v1/files through a real server.
#include "gateway/files.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fstream>

#include "gateway/internal/file_checks.h"
#include "gateway/tests/harness.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string field(std::string_view name, std::string_view value) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(value) +
         "\r\n";
}
std::string file(std::string_view filename, std::string_view content) {
  return "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + std::string(filename) +
         "\"\r\nContent-Type: text/html\r\n\r\n" + std::string(content) + "\r\n";
}

class FilesTest : public DataPlaneTest {
 public:
  Answer upload(const std::string& parts, std::string key = "fl-caller") {
    return send(http::Method::kPost, "/v1/files", parts + "--XX--\r\n", "authorization: Bearer " + key + "\r\n");
  }
  Answer ask(http::Method method, std::string path, std::string key = "fl-caller") {
    return send(method, "/v1/files" + path, "", "authorization: Bearer " + key + "\r\n");
  }
  static std::string id_of(const Answer& answer) {
    return std::string(json::parse(answer.body).value().at("id").as_string());
  }
  std::size_t files_on_disk() const {
    const auto all = std::filesystem::directory_iterator(folder_ / "files");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
};

TEST_F(FilesTest, KeepsAFileAndGivesItBack) {
  const std::string content("one\r\n--X\r\ntwo\n");
  const Answer answer = upload(field("purpose", "user_data") + file("C:\\\\x\\\\näme.txt", content));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const boost::json::value made = json::parse(answer.body).value();
  EXPECT_EQ(made.at("object"), "file");
  EXPECT_EQ(made.at("bytes"), content.size());
  EXPECT_EQ(made.at("filename"), "näme.txt");
  EXPECT_EQ(made.at("purpose"), "user_data");
  EXPECT_EQ(made.at("status"), "processed");
  EXPECT_EQ(ask(http::Method::kGet, "/" + id_of(answer)).body, answer.body);
  const Answer back = ask(http::Method::kGet, "/" + id_of(answer) + "/content");
  EXPECT_EQ(back.body, content);
  EXPECT_EQ(back.headers.at("content-type"), "application/octet-stream") << "never what a client said it is";
  EXPECT_EQ(back.headers.at("x-content-type-options"), "nosniff");
  EXPECT_THAT(ask(http::Method::kDelete, "/" + id_of(answer)).body, HasSubstr(R"("deleted":true)"));
  EXPECT_EQ(ask(http::Method::kGet, "/" + id_of(answer)).status, 404);
  EXPECT_EQ(ask(http::Method::kGet, "/" + id_of(answer) + "/content").status, 404);
  EXPECT_EQ(ask(http::Method::kDelete, "/" + id_of(answer)).status, 404);
  EXPECT_EQ(files_on_disk(), 0u);
}

TEST_F(FilesTest, GivesALargeFileBackInPieces) {
  std::string content;
  while (content.size() < 3'000'000) content += std::to_string(content.size()) + "\n";
  const Answer answer = upload(field("purpose", "assistants") + file("large.txt", content));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(ask(http::Method::kGet, "/" + id_of(answer) + "/content").body, content);
}

TEST_F(FilesTest, ShowsAProjectItsOwnOnly) {
  const std::string id = id_of(upload(field("purpose", "user_data") + file("x.txt", "x")));
  for (const std::string& path : {"/" + id, "/" + id + "/content"})
    EXPECT_EQ(ask(http::Method::kGet, path, "fl-neighbour").status, 404);
  EXPECT_EQ(ask(http::Method::kDelete, "/" + id, "fl-neighbour").status, 404);
  EXPECT_THAT(ask(http::Method::kGet, "", "fl-neighbour").body, HasSubstr(R"("data":[])"));
  EXPECT_EQ(ask(http::Method::kGet, "", "fl-nobody").status, 401);
  EXPECT_EQ(upload(field("purpose", "user_data") + file("x.txt", "x"), "fl-reader").status, 403);
  EXPECT_EQ(ask(http::Method::kGet, "/" + id).status, 200);
  EXPECT_EQ(ask(http::Method::kGet, "/..%2Ffairlead.db/content").status, 404);
  EXPECT_THAT(ask(http::Method::kGet, "/sk-proj-secret").body, Not(HasSubstr("secret")));
}

TEST_F(FilesTest, ListsAndPages) {
  std::vector<std::string> ids;
  for (const char* purpose : {"user_data", "assistants", "user_data"})
    ids.push_back(id_of(upload(field("purpose", purpose) + file("x.txt", "x"))));
  const auto listed = [&](const std::string& query) {
    const boost::json::value answer = json::parse(ask(http::Method::kGet, query).body).value();
    std::vector<std::string> out;
    for (const auto& one : answer.at("data").as_array()) out.emplace_back(one.at("id").as_string());
    out.push_back(answer.at("has_more").as_bool() ? "more" : "end");
    return out;
  };
  EXPECT_THAT(listed(""), testing::ElementsAre(ids[2], ids[1], ids[0], "end"));
  EXPECT_THAT(listed("?order=asc&limit=2"), testing::ElementsAre(ids[0], ids[1], "more"));
  EXPECT_THAT(listed("?order=asc&after=" + ids[1]), testing::ElementsAre(ids[2], "end"));
  EXPECT_THAT(listed("?after=" + ids[1]), testing::ElementsAre(ids[0], "end"));
  EXPECT_THAT(listed("?purpose=user_data"), testing::ElementsAre(ids[2], ids[0], "end"));
  for (const char* bad : {"?limit=0", "?limit=99999", "?order=up"}) EXPECT_EQ(ask(http::Method::kGet, bad).status, 400);
}

TEST_F(FilesTest, RefusesAFormThatIsNotWhole) {
  const std::pair<std::string, std::string> cases[] = {
      {file("x.txt", "x"), "'purpose'"},
      {field("purpose", "user_data"), "'file'"},
      {field("purpose", "homework") + file("x.txt", "x"), "'purpose'"},
      {field("purpose", "user_data") + field("file", "x"), "'file'"},
      {field("purpose", "user_data") + file("x.txt", "x") + file("y.txt", "y"), "'file'"},
      {field("purpose", "user_data") + file("a/", "x"), "filename"},
      {field("purpose", "user_data") + file("x.txt", ""), "empty"},
      {field("purpose", "user_data") + field("expires_after[seconds]", "10") + file("x.txt", "x"), "expires_after"},
      {field("purpose", "user_data") + field("expires_after[anchor]", "now") + file("x.txt", "x"), "expires_after"},
      {field("purpose", "user_data") + field("owner", "me") + file("x.txt", "x"), "Unknown parameter"},
      {field("purpose", "user_data") + field("expires_after[seconds]", "3600") + file("x.txt", "x"),
       "expires_after[anchor]"},
      {field("purpose", "user_data") + field("expires_after[anchor]", "created_at") + file("x.txt", "x"),
       "expires_after[seconds]"},
      {"--XXX", "invalid_multipart"},
  };
  for (const auto& [parts, named] : cases) {
    const Answer answer = upload(parts);
    EXPECT_EQ(answer.status, 400) << parts;
    EXPECT_THAT(answer.body, HasSubstr(named));
  }
  EXPECT_THAT(send(http::Method::kPost, "/v1/files", "{}", "authorization: Bearer fl-caller\r\n").body,
              HasSubstr("invalid_content_type"));
  EXPECT_EQ(files_on_disk(), 0u);
}

TEST_F(FilesTest, SweepsWhatACrashHasLeft) {
  const std::string id = id_of(upload(field("purpose", "user_data") + field("expires_after[anchor]", "created_at") +
                                      field("expires_after[seconds]", "3600") + file("x.txt", "x")));
  const auto folder = folder_ / "files";
  const std::string orphan = "file-" + new_id(1), part = "file-" + new_id(2) + ".part";
  for (const std::string& name : {orphan, part, std::string("notes.txt")}) std::ofstream(folder / name) << "x";
  auto again = FileStore::open(folder.string(), *database_, pool_, clock_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::filesystem::exists(folder / id));
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.txt")) << "not ours";
  EXPECT_FALSE(std::filesystem::exists(folder / orphan));
  EXPECT_FALSE(std::filesystem::exists(folder / part));
  // Two hours later it has expired.
  class Later final : public Clock {
    std::int64_t unix_micros() const override { return SystemClock().unix_micros() + std::int64_t{7200} * 1'000'000; }
    SteadyTime steady() const override { return SystemClock().steady(); }
  } later;
  ASSERT_TRUE(FileStore::open(folder.string(), *database_, pool_, later));
  EXPECT_FALSE(std::filesystem::exists(folder / id));
  EXPECT_EQ(ask(http::Method::kGet, "/" + id).status, 404);
}

TEST(FileChecks, SaysWhatIsWrongByPurpose) {
  struct Case {
    std::string_view purpose, filename;
    std::string content, fault;  // an empty fault: it is taken
  };
  const std::string png = "\x89PNG\r\n\x1a\n....", zip("PK\x03\x04....");
  const Case cases[] = {
      {"vision", "x", png, ""},
      {"vision", "x.png", "<svg/>", "no PNG"},
      {"user_data", "x.pdf", "%PDF-1.7\n\xff", ""},
      {"user_data", "x.docx", zip + std::string(1, '\0'), ""},
      {"user_data", "x.zip", zip + std::string(1, '\0'), "no PDF"},
      {"user_data", "x.txt", "caf\xc3\xa9", ""},
      {"user_data", "x.txt", "caf\xe9", "no PDF"},
      {"assistants", "x.md", "# x", ""},
      {"evals", "x.jsonl", "{}\n\n{\"a\":1}\r\n", ""},
      {"evals", "x.jsonl", "{}\n[]\n", "line 2: it is not a JSON object"},
      {"evals", "x.jsonl", "\n \n", "no lines"},
      {"fine-tune", "x.jsonl", "{\"messages\":[]}\n{\"prompt\":\"p\"}\n{\"input\":{}}", ""},
      {"fine-tune", "x.jsonl", "{\"messages\":7}", "line 1: an example"},
      {"batch", "x.jsonl", R"({"custom_id":"a","method":"POST","url":"/v1/x","body":{}})", ""},
      {"batch", "x.jsonl", R"({"method":"POST","url":"/v1/x","body":{}})", "line 1: it has no custom_id"},
      {"batch", "x.jsonl", R"({"custom_id":"a","method":"GET","url":"/v1/x","body":{}})", "method"},
      {"batch", "x.jsonl", R"({"custom_id":"a","method":"POST","url":"https://x","body":{}})", "url"},
      {"batch", "x.jsonl", R"({"custom_id":"a","method":"POST","url":"/v1/x"})", "body"},
      {"batch", "x.jsonl",
       "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/x\",\"body\":{}}\n"
       "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/x\",\"body\":{}}",
       "line 2: its custom_id"},
      {"vision", "x.png", png + std::string(20'000'000, 'x'), "20000000"},
      {"nothing", "x", "x", "purpose"},
  };
  for (const Case& one : cases) {
    const auto checked = internal::check_file(one.purpose, one.filename, one.content);
    EXPECT_EQ(checked.has_value(), one.fault.empty()) << one.purpose << one.filename;
    EXPECT_THAT(checked ? "" : checked.error().message, HasSubstr(one.fault));
  }
}

}  // namespace
}  // namespace fairlead::gateway
