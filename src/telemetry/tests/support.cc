#include "telemetry/tests/support.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace fairlead::telemetry {

TempFolder::TempFolder() {
  std::string pattern = ::testing::TempDir() + "telemetryXXXXXX";
  path_ = ::mkdtemp(pattern.data());
}
TempFolder::~TempFolder() {
  std::filesystem::remove_all(path_);
}

CallRecord full_record() {
  CallRecord record;
  record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  record.project = "bank";
  record.key_id = "key_01";
  record.started_at_us = 1'700'000'000'123'456;
  record.duration_us = 412'500;
  record.first_token_us = 61'000;
  record.gateway_us = 250;
  record.operation = "text_completion";
  record.requested_model = "support-reply@staging";
  record.target_kind = "prompt";
  record.target_name = "support-reply";
  record.target_version = 4;
  record.label = "staging";
  record.variant = "russian-gold";
  record.model = "small";
  record.model_version = 2;
  record.provider = "local";
  record.upstream_model = "smollm2-135m";
  record.upstream_id = "chatcmpl-1";
  record.stream = true;
  record.status = 503;
  record.error_code = "upstream_timeout";
  record.error_message = "local timed out after 2 s";
  record.finish_reason = "length";
  record.usage = {311, 200, 50, 87, 7, true};
  record.cost_usd = 0.000425;
  record.session = "s-4";
  record.user = "u-17";
  record.tags = {"a", "", "c\"'"};
  record.input_json = R"([{"role":"user","content":"Где мой перевод?"}])";
  record.output_text = "На проверке.\n";
  record.shadow_of = "01ARZ3NDEKTSV4RRFFQ69G5FAU";
  record.attempts = {{"local", "smollm2", 2'000'000, "upstream_timeout", "no byte"},
                     {"openai", "gpt-5-mini", 400'000, "", "", "large", "fallback", 180'000}};
  return record;
}

CallRecord record_of(std::string project, std::string id) {
  CallRecord record;
  record.id = std::move(id);
  record.project = std::move(project);
  record.started_at_us = 1'700'000'000'000'000;
  record.target_kind = "prompt";
  record.target_name = "support-reply";
  record.model = "small";
  record.provider = "local";
  record.status = 200;
  record.usage.input = 10;
  record.usage.output = 5;
  return record;
}

std::vector<std::string> ids_in_spool(const std::string& folder) {
  std::vector<std::string> ids;
  const auto read = read_spool(folder, {}, kEverything, INT64_MAX, [&](const CallRecord& record) -> Result<void> {
    ids.push_back(record.id);
    return {};
  });
  EXPECT_TRUE(read) << read.error().message;
  return ids;
}

int start_child(const std::string& role, const std::vector<std::string>& arguments, int& output) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return -1;
  std::vector<std::string> words = {"/proc/self/exe", "child", role};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  output = pipe[0];
  return child;
}

}  // namespace fairlead::telemetry
