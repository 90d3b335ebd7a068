// What is asked of the inventory: one sign that an image may bear.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace careen {

enum class Indicator : uint8_t {
  package,
  sha256,
  sha1,
  md5,
  soname,
  needed,
  symbol,
  build_id,
  path,
  structure,
  environment,
  label,
  entrypoint,
  layer,
  manifest,
  threat,
  pattern,
};

struct HuntQuestion {
  Indicator by = Indicator::package;
  std::string text;   // as it was asked
  std::string value;  // name, digest, glob
  std::string type;   // of a package: deb, rpm, apk, alpm; "" for any
  struct Bound {
    std::string op, version;  // op: = != < <= > >=
  };
  std::vector<Bound> bounds;                     // of a package: all must hold
  std::vector<std::vector<Bound>> alternatives;  // of a vers range: all of one of these as well; none: any version
};

// package:NAME[>=V,<V] pkg:TYPE/NAME[@V] pkg:TYPE/NAME@vers:TYPE/>=V|<V sha256:HEX sha1:HEX md5:HEX soname:N needed:N symbol:N build-id:HEX path:GLOB
// structure:RULE env:NAME[=V] label:NAME[=V] entrypoint:TEXT layer:sha256:HEX manifest:sha256:HEX threat:ID pattern:HEX (two question marks for any byte).
// Sources: purl-spec's PURL-SPECIFICATION and VERSION-RANGE-SPEC. Errc::usage says what was expected.
Result<HuntQuestion> parse_question(const std::string& text);
// threat:FILE: a record that the inventory does not keep. Answered by exposure_of(), not by hunt().
bool names_record(const HuntQuestion& q);
// The same for a list: one a line, # begins a comment; a bare 64-digit hex is a file's SHA-256.
Result<std::vector<HuntQuestion>> parse_questions(const std::string& list, const std::string& file);

}  // namespace careen
