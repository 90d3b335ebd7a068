// The whole collector over a layer's tar, with patterns, as a worker runs it.
#include "facts/collector.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  static const auto kPatterns = [] {
    PatternSpec p;
    p.id = "t/p";
    p.bytes = {'n', 'e', 'e', 'd', 'l', 'e'};
    p.wild.assign(6, 0);
    auto set = PatternSet::compile({p});
    return set ? *set : nullptr;
  }();
  LayerFacts facts;
  MemorySource bytes(Bytes(data, size));
  Chunked chunks(bytes, 700);
  TarReader tar(chunks);
  CollectOptions options;
  options.patterns = kPatterns;
  options.max_layer = 64 << 20;
  Collector collector(options, facts);
  bool whole = collector.collect(tar);
  if (!whole && facts.coverage.empty()) __builtin_trap();  // what was not read is always told
  FileCursor cursor(facts.files);
  FileRecord r;
  while (cursor.next(r)) {
  }
  if (cursor.damaged() || cursor.index() + 1 != facts.files.size()) __builtin_trap();
  return 0;
}
