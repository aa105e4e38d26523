#include "resources/internal/rendered.h"

#include "resources/internal/catalogue.h"

namespace fairlead::resources {
namespace {

boost::json::object seen(const Kind& kind, const Catalogue& others, const Version& version,
                         const boost::json::object& given) {
  auto made = kind.render(version.name, version.spec, given, others);
  if (made) return *std::move(made);
  return {{"refused", made.error().code + ": " + made.error().message}};
}

}  // namespace

Result<std::vector<Rendered>> rendered(const Kind& kind, const Project& project, const Version& from, const Version& to,
                                       const std::optional<boost::json::object>& given) {
  if (!kind.render)
    return fail(ErrorKind::kInvalid, "cannot_be_rendered",
                "A " + kind.name + " makes nothing of variables; compare its versions without them.", "given");
  std::vector<Example> examples;
  if (given) {
    examples.push_back({"", *given});
  } else if (kind.examples) {
    examples = kind.examples(to.spec);
  }
  const ProjectCatalogue others(project);
  std::vector<Rendered> out;
  for (Example& example : examples) {
    const auto before = seen(kind, others, from, example.given), after = seen(kind, others, to, example.given);
    out.push_back({std::move(example.title), diff(before, after)});
  }
  return out;
}

}  // namespace fairlead::resources
