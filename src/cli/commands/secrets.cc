#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/secret.h"
#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

constexpr std::size_t kMost = 64 * 1024 + 2;  // what the server takes, and a line's end

// While it lives, a terminal shows nothing of what is typed. Ctrl-C arrives as a character, so that nothing can end the
// program and leave the terminal like that.
class Hidden {
 public:
  explicit Hidden(int terminal) : terminal_(terminal) {
    tcgetattr(terminal_, &before_);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    tcsetattr(terminal_, TCSAFLUSH, &quiet);
  }
  ~Hidden() { tcsetattr(terminal_, TCSAFLUSH, &before_); }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  int terminal_;
  termios before_{};
};

// To the end of the file, or of the line in a terminal; without the newline at the end.
Result<SecretText> read_value(int descriptor, bool line) {
  SecretText value;
  value.reserve(kMost);
  char part[1024];
  for (;;) {
    const ssize_t size = read(descriptor, part, sizeof part);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(ErrorKind::kInvalid, "unreadable_value", "The value cannot be read.");
    value.append(part, static_cast<std::size_t>(size));
    if (size == 0 || (line && value.ends_with('\n'))) break;
    if (value.size() > kMost) return fail(ErrorKind::kInvalid, "invalid_secret_value", "The value is over 64 KiB.");
  }
  wipe(part, sizeof part);
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

Result<SecretText> ask(const std::string& name) {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  if (!terminal) return read_value(STDIN_FILENO, false);
  std::fprintf(stderr, "Value of `%s` (not shown): ", name.c_str());
  Result<SecretText> value;
  {
    const Hidden hidden(STDIN_FILENO);
    value = read_value(STDIN_FILENO, true);
  }
  std::fputc('\n', stderr);
  if (value && value->find('\x03') != value->npos) return fail(ErrorKind::kCancelled, "cancelled", "Nothing was set.");
  return value;
}

Result<SecretText> read_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(ErrorKind::kInvalid, "unreadable_value", path + " cannot be read.");
  auto value = read_value(descriptor, false);
  close(descriptor);
  return value;
}

void set(Context& context, const std::string& name, const std::string& file) {
  auto value = file.empty() ? ask(name) : read_file(file);
  if (!value) return context.fail_with(value.error());
  boost::json::value body = boost::json::object{{"name", name}};
  boost::json::string& sent = body.as_object()["value"].emplace_string();
  sent.assign(value->data(), value->size());
  answer(context, http::Method::kPost, "/api/v1/secrets", &body, [](const boost::json::value& reply) {
    return "  " + text_of(reply, "name") + " version " + text_of(reply, "version") +
           " is set; calls that start from now on use it.\n";
  });
  wipe(sent.data(), sent.size());
}

std::string users_of(const boost::json::value& secret) {
  std::string out;
  for (const boost::json::value& one : secret.at("used_by").as_array())
    out += (out.empty() ? "" : ", ") + text_of(one, "kind") + " " + text_of(one, "name");
  return out;
}

}  // namespace

void add_secrets(CLI::App& app, Context& context) {
  CLI::App* const secrets = app.add_subcommand("secrets", "Secrets: what providers authenticate with, encrypted");
  secrets->require_subcommand(1);
  struct SecretsWords {
    std::string name, file;
    bool force = false;
  };
  const auto words = std::make_shared<SecretsWords>();

  CLI::App* const setting = command(*secrets, context, "set", "Set a secret, or replace it; the value comes from stdin",
                                    "fairlead secrets set openai < key.txt");
  setting->add_option("name", words->name, "What resources name it by: secret:NAME")->required();
  setting->add_option("--file", words->file, "File that holds the value; else it is read from standard input")
      ->type_name("PATH");
  setting->callback([&context, words] { set(context, words->name, words->file); });

  CLI::App* const list =
      command(*secrets, context, "list", "List secrets and what uses them; never a value", "fairlead secrets list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/secrets", nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array())
        rows.push_back({text_of(one, "name"), text_of(one, "version"), text_of(one, "set_by"),
                        local_time(text_of(one, "set_at")), users_of(one)});
      return table({"name", "version", "set by", "set", "used by"}, rows, context.colours());
    });
  });

  CLI::App* const removing =
      destroying_command(*secrets, context, "remove", "Remove a secret", "fairlead secrets remove openai");
  removing->add_option("name", words->name, "The secret")->required();
  removing->add_flag("--force", words->force, "Although a resource uses it: calls to that one then fail");
  removing->callback([&context, words] {
    if (!context.goes_on("Remove secret `" + words->name + "`? Nothing keeps its value.")) return;
    const std::string target = "/api/v1/secrets/" + segment(words->name) + (words->force ? "?force=true" : "");
    answer(context, http::Method::kDelete, target, nullptr, [](const boost::json::value& reply) {
      return "  " + text_of(reply, "name") + " version " + text_of(reply, "version") + " is removed.\n";
    });
  });

  CLI::App* const rekey = command(*secrets, context, "rekey", "Replace the master key and encrypt every secret anew",
                                  "fairlead secrets rekey");
  rekey->callback([&context] {
    answer(context, http::Method::kPost, "/api/v1/rekey", nullptr, [](const boost::json::value& reply) {
      return "  " + text_of(reply, "secrets") + " encrypted anew; back up the new master key.\n";
    });
  });
}

}  // namespace fairlead::cli
