// Runs every detector over an image that is described by text (tests/support/image_text.h).
#pragma once
#include "detect/input.h"
#include "image_text.h"

namespace careen::test {

class DetectText {
 public:
  explicit DetectText(std::string_view text, std::vector<Threat> threats = {}, const CollectOptions& options = {})
      : facts_(build_image_facts(layers_of_text(text, options))) {
    set_.threats = std::move(threats);
    in_.facts = &facts_;
    in_.config = &config;
    in_.threats = &set_;
    for (size_t i = 0; i < facts_.layers.size(); ++i) {
      LayerInput l;
      l.diff_id = facts_.layers[i]->diff_id;
      l.blob = digest_of(as_bytes("blob " + std::to_string(i)));
      l.created_by = "step " + std::to_string(i);
      l.read = true;
      in_.layers.push_back(l);
    }
  }
  DetectText(const DetectText&) = delete;
  DetectText& operator=(const DetectText&) = delete;

  DetectInput& input() { return in_; }
  const ImageFacts& facts() const { return facts_; }
  Detected run() const { return detect(in_); }
  // The one finding that is expected; an empty one, and a failed test, when there are more or none.
  Finding one() const {
    Detected d = run();
    EXPECT_EQ(d.findings.size(), 1U);
    return d.findings.size() == 1 ? d.findings[0] : Finding{};
  }

  ImageConfig config;

 private:
  ImageFacts facts_;
  ThreatSet set_;
  DetectInput in_;
};

inline DigestIndicator digest_indicator(const std::string& content, const std::string& note = "") {
  DigestIndicator d;
  d.digest = digest_of(as_bytes(content));
  d.note = note;
  return d;
}

// A threat that is known by the digest of one file.
inline Threat file_threat(const std::string& content) {
  Threat t;
  t.id = "T-1";
  t.title = "A stand-in";
  t.severity = Severity::critical;
  t.mitigation = "Rebuild";
  t.files = {digest_indicator(content, "the stand-in")};
  return t;
}

}  // namespace careen::test
