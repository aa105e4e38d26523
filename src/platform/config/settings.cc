#include "platform/config/settings.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "base/suggest.h"
#include "platform/config/internal/units.h"
#include "platform/config/yaml.h"
#include "platform/json/text.h"

extern char** environ;

namespace fairlead::config {
namespace {

namespace bj = boost::json;

// A row with what writes its member.
struct Row {
  Setting setting;
  Result<void> (*assign)(const Setting& row, std::string_view text, Settings& settings);
};

template <class Value>
Result<void> bounded(const Setting& row, Value value, Result<Value> (*parse)(std::string_view), Value& member) {
  if (value < *parse(row.least) || value > *parse(row.most)) {
    return fail(ErrorKind::kInvalid, "invalid_setting",
                "must be from " + std::string(row.least) + " to " + std::string(row.most));
  }
  member = value;
  return {};
}

Result<void> read(const Setting& row, std::string_view text, std::size_t& member) {
  const auto parse = row.type == Type::kBytes ? &parse_bytes : &internal::parse_count;
  FAIRLEAD_TRY(const std::size_t value, parse(text));
  return bounded<std::size_t>(row, value, parse, member);
}

Result<void> read(const Setting& row, std::string_view text, std::chrono::milliseconds& member) {
  FAIRLEAD_TRY(const auto value, parse_duration(text));
  return bounded<std::chrono::milliseconds>(row, value, &parse_duration, member);
}

Result<void> read(const Setting& row, std::string_view text, std::string& member) {
  if (row.type == Type::kChoice) {
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin <= row.choices.size();) {
      const std::size_t end = std::min(row.choices.find('|', begin), row.choices.size());
      words.emplace_back(row.choices.substr(begin, end - begin));
      begin = end + 1;
    }
    if (std::ranges::find(words, text) == words.end()) {
      std::string list;
      for (const std::string& word : words) (list += list.empty() ? "" : ", ") += word;
      return fail(ErrorKind::kInvalid, "invalid_setting", "must be one of " + list + "." + did_you_mean(text, words));
    }
  }
  if (text.find('\0') != text.npos) return fail(ErrorKind::kInvalid, "invalid_setting", "must not contain a zero byte");
  member = text;
  return {};
}

#define SETTING(prefix, member, type, default_text, least, most, help)                                  \
  Row{{#prefix #member, Type::k##type, default_text, Type::k##type == Type::kChoice ? "" : least, most, \
       Type::k##type == Type::kChoice ? least : "", help},                                              \
      [](const Setting& row, std::string_view text, Settings& settings) {                               \
        return read(row, text, settings.prefix member);                                                 \
      }},
#define GROUP_BEGIN(type, name)
#define GROUP_END(name)
const Row kRows[] = {
#include "platform/config/settings_table.inc"
};
#undef SETTING
#undef GROUP_BEGIN
#undef GROUP_END

const Row* find(std::string_view name) {
  const auto found = std::ranges::find(kRows, name, [](const Row& row) { return row.setting.name; });
  return found == std::end(kRows) ? nullptr : found;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const Row& row : kRows) out.emplace_back(row.setting.name);
  return out;
}

std::unexpected<Error> invalid(std::string message, std::string setting) {
  return fail(ErrorKind::kInvalid, "invalid_setting", std::move(message), std::move(setting));
}

Result<void> set(Settings& settings, std::string_view source, std::string_view name, std::string_view text) {
  const Row* const row = find(name);
  if (!row) {
    return invalid(std::string(source) + ": there is no setting `" + std::string(name) + "`." +
                       (did_you_mean(name, names()).empty() ? " `fairlead config reference` lists them."
                                                            : did_you_mean(name, names())),
                   std::string(name));
  }
  const auto done = row->assign(row->setting, text, settings);
  if (done) return {};
  std::string why = done.error().message;
  if (!why.ends_with('.') && !why.ends_with('?')) why += '.';
  return invalid(std::string(source) + ": `" + std::string(name) + "` " + why, std::string(name));
}

// Members of a file's mapping, as dotted names: `http: {body_bytes: …}` is http.body_bytes.
Result<void> read_file(Settings& settings, const Sources& sources, const Document& document, const bj::object& members,
                       const std::string& prefix, const std::string& pointer) {
  for (const bj::key_value_pair& member : members) {
    const std::string name = prefix + std::string(member.key());
    const std::string at = pointer + "/" + std::string(member.key());  // no setting has '/' or '~' in its name
    const Position position = document.position(at).key;
    const std::string source =
        sources.file_name + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
    const bj::value& value = member.value();
    const bool group =
        std::ranges::any_of(kRows, [&](const Row& row) { return row.setting.name.starts_with(name + "."); });
    if (value.is_object() && group) {
      FAIRLEAD_CHECK(read_file(settings, sources, document, value.get_object(), name + ".", at));
      continue;
    }
    if (value.is_null()) continue;  // `http:` with nothing below it
    if (value.is_object() || value.is_array()) {
      if (!find(name)) FAIRLEAD_CHECK(set(settings, source, name, ""));
      return invalid(source + ": `" + name + "` must be a single value.", name);
    }
    std::string text = value.is_string() ? std::string(value.get_string()) : json::to_text(value);
    const Row* const row = find(name);
    if (row && row->setting.type == Type::kPath && !text.empty()) {
      const std::filesystem::path folder = std::filesystem::path(sources.file_name).parent_path();
      text = (folder / text).lexically_normal().string();
    }
    FAIRLEAD_CHECK(set(settings, source, name, text));
  }
  return {};
}

Result<void> read_environment(Settings& settings, std::span<const NameValue> environment) {
  constexpr std::string_view kPrefix = "FAIRLEAD_";
  std::vector<std::string>
      known;  // without the prefix: all names share it, so it would make any two of them look alike
  std::map<std::string, std::string_view, std::less<>> settings_by_variable;
  for (const Row& row : kRows) {
    const std::string variable = environment_name(row.setting.name);
    known.push_back(variable.substr(kPrefix.size()));
    settings_by_variable[variable] = row.setting.name;
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    if (const auto found = settings_by_variable.find(name); found != settings_by_variable.end()) {
      FAIRLEAD_CHECK(set(settings, "environment variable " + name, found->second, value));
      continue;
    }
    // The command line and the installation have variables of their own (FAIRLEAD_URL), and so may others: only what is
    // nearly a setting is refused.
    if (const std::string_view near = nearest(std::string_view(name).substr(kPrefix.size()), known); !near.empty()) {
      return invalid("environment: there is no setting for `" + name + "`. Did you mean `" + std::string(kPrefix) +
                         std::string(near) + "`?",
                     name);
    }
  }
  return {};
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) (c == '|' ? out += "\\|" : out += c);
  return out;
}

}  // namespace

std::span<const Setting> table() {
  static const auto rows = [] {
    std::array<Setting, std::size(kRows)> out;
    std::ranges::transform(kRows, out.begin(), &Row::setting);
    return out;
  }();
  return rows;
}

std::string environment_name(std::string_view setting) {
  std::string out = "FAIRLEAD_";
  for (const char c : setting) out += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

Settings default_settings() {
  Settings settings;
  // The table's own defaults are within its bounds: a test sees to it.
  for (const Row& row : kRows) static_cast<void>(row.assign(row.setting, row.setting.default_text, settings));
  return settings;
}

Result<Settings> load(const Sources& sources) {
  Settings settings = default_settings();
  if (!sources.file_name.empty()) {
    FAIRLEAD_TRY(const auto documents, load_yaml(sources.file_text, sources.file_name));
    if (documents.size() > 1)
      return invalid(sources.file_name + ": a settings file is one document; there are more, divided by `---`.", "");
    for (const Document& document : documents) {
      if (!document.value.is_object())
        return invalid(sources.file_name + ": a settings file is a mapping, `name: value` a line.", "");
      FAIRLEAD_CHECK(read_file(settings, sources, document, document.value.get_object(), "", ""));
    }
  }
  FAIRLEAD_CHECK(read_environment(settings, sources.environment));
  for (const auto& [name, value] : sources.flags) FAIRLEAD_CHECK(set(settings, "flag --" + name, name, value));
  return settings;
}

Result<std::vector<NameValue>> parse_flags(std::span<const std::string> arguments) {
  std::vector<NameValue> flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--") || argument.size() == 2)
      return invalid("`" + argument + "` is not a flag: settings are `--name=value`.", argument);
    const std::size_t equals = argument.find('=');
    std::string name = argument.substr(2, equals == argument.npos ? argument.npos : equals - 2);
    const Row* const row = find(name);
    if (equals != argument.npos) {
      flags.emplace_back(std::move(name), argument.substr(equals + 1));
    } else if (row && i + 1 < arguments.size()) {
      flags.emplace_back(std::move(name), arguments[++i]);
    } else if (row) {
      return invalid("flag --" + name + " wants a value.", name);
    } else {
      flags.emplace_back(std::move(name), "");  // load() says that there is no such setting
    }
  }
  return flags;
}

std::vector<NameValue> process_environment() {
  std::vector<NameValue> out;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != text.npos) out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string reference() {
  std::string out =
      "# Settings\n\n"
      "Printed by `fairlead config reference`. A setting comes from, later ones winning: its default; the file "
      "`fairlead.yaml`\n"
      "(`http: {body_bytes: 1MiB}` or `http.body_bytes: 1MiB`; relative paths start at the file's folder); the "
      "environment\n"
      "(`FAIRLEAD_HTTP_BODY_BYTES`); a flag of `fairlead serve` (`--http.body_bytes=1MiB`). The file is that of the "
      "project's\n"
      "folder, if `project` is set by the environment or a flag.\n\n"
      "Sizes: `512`, `64KiB`, `10MiB`, `1GiB` (also `kB`, `MB`, `GB`). Durations: `50ms`, `10s`, `5m`, `1h`, `30d`.\n\n"
      "| setting | default | may be | what |\n|---|---|---|---|\n";
  for (const Row& row : kRows) {
    const Setting& setting = row.setting;
    std::string may_be;
    switch (setting.type) {
      case Type::kText:
        may_be = "text";
        break;
      case Type::kPath:
        may_be = "a path";
        break;
      case Type::kChoice:
        for (const char c : setting.choices) (c == '|' ? may_be += ", " : may_be += c);
        break;
      default:
        may_be = std::string(setting.least) + " to " + std::string(setting.most);
    }
    out += "| `" + std::string(setting.name) + "` | " +
           (setting.default_text.empty() ? "" : "`" + std::string(setting.default_text) + "`") + " | " + cell(may_be) +
           " | " + cell(setting.help) + " |\n";
  }
  return out;
}

}  // namespace fairlead::config
