#include "models/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/digest.h"
#include "models/internal/part_file.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"

namespace fairlead::models {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string gguf(std::size_t size) {
  std::string out("GGUF\x03\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", 24);
  for (std::size_t i = out.size(); i < size; ++i) out += static_cast<char>(i * 7 % 251);
  return out;
}

// A source that breaks off the first answer, and then serves ranges.
class Source {
 public:
  explicit Source(std::string content) : content_(std::move(content)) {
    http::Router router;
    router.add(http::Method::kGet, "/model.gguf", [this](http::Exchange& exchange) { return serve(exchange); });
    router.add(http::Method::kGet, "/moved", [this](http::Exchange& exchange) { return redirect(exchange); });
    http::ServerOptions options;
    options.port = 0;
    server_ = *http::Server::listen(runtime_, std::move(options), std::move(router));
    runtime_.start();
    server_->start();
  }
  ~Source() {
    server_->drain(std::chrono::milliseconds(200));
    runtime_.stop();
  }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(path);
  }

  std::atomic<bool> breaks{false};
  std::string etag = "\"v1\"";
  std::atomic<int> ranges{0};

 private:
  async::Task<void> redirect(http::Exchange& exchange) {
    exchange.add_header("location", "/model.gguf?from=moved");
    (void)co_await exchange.respond(302, "text/plain", "");
  }
  async::Task<void> serve(http::Exchange& exchange) {
    exchange.add_header("etag", etag);
    const auto range = exchange.head().header("range");
    if (range && exchange.head().header("if-range") == etag) {
      ++ranges;
      const std::size_t from = std::stoul(std::string(range->substr(6)));
      const std::string size = std::to_string(content_.size());
      exchange.add_header("content-range",
                          "bytes " + std::to_string(from) + "-" + std::to_string(content_.size() - 1) + "/" + size);
      const std::string rest = content_.substr(from);
      (void)co_await exchange.respond(206, "application/octet-stream", rest);
      co_return;
    }
    if (breaks.exchange(false)) {
      exchange.begin_stream(200, "application/octet-stream");
      const std::string first = content_.substr(0, content_.size() / 3);
      (void)co_await exchange.write(first);
      co_return;  // without an end
    }
    (void)co_await exchange.respond(200, "application/octet-stream", content_);
  }

  std::string content_;
  async::Runtime runtime_{1};
  std::unique_ptr<http::Server> server_;
};

class ModelFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/fairlead-models-XXXXXX";
    folder_ = mkdtemp(name);
    open();
  }
  void TearDown() override {
    files_.reset();
    fs::remove_all(folder_);
  }
  void open() {
    files_.reset();
    files_ = *ModelFiles::open({.folder = folder_ + "/models", .extra_folders = {folder_ + "/extra"}, .ca_file = {}});
  }
  std::string write(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  ModelFile settled(const std::string& file) const {
    for (int i = 0; i < 500; ++i) {
      for (const ModelFile& entry : files_->list()) {
        if (entry.file == file && entry.state != FileState::kFetching) return entry;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return {};
  }
  std::string read(const std::string& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
  std::unique_ptr<ModelFiles> files_;
};

TEST_F(ModelFilesTest, CopiesAFileAndKnowsItsDigest) {
  const std::string content = gguf(100'000);
  const auto added = files_->add(write("from/small.gguf", content), "", "");
  ASSERT_TRUE(added.has_value()) << added.error().message;
  const ModelFile entry = settled("small.gguf");
  EXPECT_EQ(entry.state, FileState::kReady) << entry.error;
  EXPECT_EQ(entry.bytes, content.size());
  EXPECT_EQ(entry.sha256, sha256_hex(content));
  EXPECT_EQ(read(*files_->locate("small.gguf")), content);
  EXPECT_FALSE(fs::exists(folder_ + "/models/small.gguf.part"));
}

TEST_F(ModelFilesTest, GoesOnWithABrokenTransfer) {
  const std::string content = gguf(300'000);
  Source source(content);
  source.breaks = true;
  ASSERT_TRUE(files_->add(source.url("/model.gguf"), "", "").has_value());
  const ModelFile broken = settled("model.gguf");
  EXPECT_EQ(broken.state, FileState::kFailed);
  EXPECT_THAT(broken.error, HasSubstr("go on"));
  open();  // as after a restart
  EXPECT_THAT(settled("model.gguf").error, HasSubstr("broken off"));
  ASSERT_TRUE(files_->add(source.url("/model.gguf"), sha256_hex(content), "").has_value());
  const ModelFile whole = settled("model.gguf");
  EXPECT_EQ(whole.state, FileState::kReady) << whole.error;
  EXPECT_EQ(whole.sha256, sha256_hex(content));
  EXPECT_EQ(source.ranges, 1);
}

TEST_F(ModelFilesTest, StartsAnewWhenTheSourceHasChanged) {
  const std::string content = gguf(300'000);
  Source source(content);
  source.breaks = true;
  ASSERT_TRUE(files_->add(source.url("/model.gguf"), "", "").has_value());
  EXPECT_EQ(settled("model.gguf").state, FileState::kFailed);
  source.etag = "\"v2\"";
  ASSERT_TRUE(files_->add(source.url("/model.gguf"), sha256_hex(content), "").has_value());
  EXPECT_EQ(settled("model.gguf").state, FileState::kReady);
  EXPECT_EQ(source.ranges, 0);
}

TEST_F(ModelFilesTest, FollowsARedirect) {
  Source source(gguf(1000));
  ASSERT_TRUE(files_->add(source.url("/moved"), "", "other.gguf").has_value());
  EXPECT_EQ(settled("other.gguf").state, FileState::kReady);
}

TEST_F(ModelFilesTest, RefusesWhatIsNotWhatItShouldBe) {
  ASSERT_TRUE(files_->add(write("from/text.gguf", std::string(100, 'x')), "", "").has_value());
  EXPECT_THAT(settled("text.gguf").error, HasSubstr("not a GGUF file"));
  ASSERT_TRUE(files_->add(write("from/short.gguf", "GGUF\x03"), "", "").has_value());
  EXPECT_THAT(settled("short.gguf").error, HasSubstr("too short"));
  ASSERT_TRUE(files_->add(write("from/other.gguf", gguf(500)), std::string(64, 'a'), "").has_value());
  EXPECT_THAT(settled("other.gguf").error, HasSubstr("SHA-256"));
  EXPECT_FALSE(fs::exists(folder_ + "/models/other.gguf"));
  EXPECT_FALSE(fs::exists(folder_ + "/models/other.gguf.part"));
  Source source(gguf(1000));
  ASSERT_TRUE(files_->add(source.url("/nothing.gguf"), "", "").has_value());
  EXPECT_THAT(settled("nothing.gguf").error, HasSubstr("status 404"));
}

TEST_F(ModelFilesTest, ChecksWhatIsAsked) {
  EXPECT_EQ(files_->add("relative.gguf", "", "").error().code, "invalid_source");
  EXPECT_EQ(files_->add("/etc/passwd", "", "").error().code, "invalid_name");
  EXPECT_EQ(files_->add("/x.gguf", "", "../x.gguf").error().code, "invalid_name");
  EXPECT_EQ(files_->add("/x.gguf", "b179", "").error().code, "invalid_sha256");
  EXPECT_EQ(files_->locate("../models/x.gguf").error().code, "model_file_not_found");
}

TEST_F(ModelFilesTest, DoesNotReplaceAFile) {
  const std::string content = gguf(400);
  const std::string path = write("extra/there.gguf", content);
  EXPECT_EQ(*files_->locate("there.gguf"), path);
  const std::string other = write("from/there.gguf", gguf(401));
  EXPECT_EQ(files_->add(other, "", "").error().code, "model_file_exists");
  ASSERT_TRUE(files_->add(other, sha256_hex(gguf(401)), "").has_value());
  EXPECT_THAT(settled("there.gguf").error, HasSubstr("already"));
  const auto same = files_->add(other, sha256_hex(content), "");
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->state, FileState::kReady);
}

TEST_F(ModelFilesTest, ADigestIsRememberedUntilTheFileChanges) {
  const std::atomic<bool> go_on{false}, cancelled{true};
  const std::string path = write("extra/a.gguf", gguf(1000));
  EXPECT_EQ(files_->digest(path, cancelled).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(*files_->digest(path, go_on), sha256_hex(gguf(1000)));
  open();
  EXPECT_EQ(*files_->digest(path, cancelled), sha256_hex(gguf(1000))) << "known: nothing to give up";
  write("extra/a.gguf", gguf(1001));
  EXPECT_EQ(*files_->digest(path, go_on), sha256_hex(gguf(1001)));
}

TEST(MayBeGguf, LooksAtTheHeader) {
  EXPECT_TRUE(may_be_gguf(gguf(24)));
  EXPECT_TRUE(may_be_gguf("GG"));
  EXPECT_FALSE(may_be_gguf("<html>"));
  EXPECT_FALSE(may_be_gguf(std::string("GGUF\x01\0\0\0", 8)));
  std::string many = gguf(24);
  many[14] = '\x7f';
  EXPECT_FALSE(may_be_gguf(many));
}

}  // namespace
}  // namespace fairlead::models
