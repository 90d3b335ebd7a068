#include "scan/judged.h"

#include <link.h>

#include "base/codec.h"
#include "facts/layer_facts.h"

namespace careen {

template <class A>
void fields(A& a, Evidence& e) {
  a(e.by), a(e.says);
}
template <class A>
void fields(A& a, Reachability& r) {
  a(r.state), a(r.because);
}
template <class A>
void fields(A& a, PackageRef& p) {
  a(p.name), a(p.version), a(p.source);
}
template <class A>
void fields(A& a, Where& w) {
  a(w.path), a(w.layer), a(w.layer_index), a(w.visible), a(w.package);
}
template <class A>
void fields(A& a, Finding& f) {
  a(f.id), a(f.kind), a(f.threat), a(f.rule), a(f.title), a(f.severity), a(f.confidence), a(f.reachability), a(f.where), a(f.evidence), a(f.remediation);
  a(f.blob), a(f.created_by);
}
template <class A>
void fields(A& a, Distribution& d) {
  a(d.id), a(d.release), a(d.codename), a(d.pretty), a(d.like), a(d.repositories);
}
template <class A>
void fields(A& a, InstalledPackage& p) {
  a(p.package), a(p.owned_files), a(p.database), a(p.root), a(p.layer), a(p.introduced), a(p.visible), a(p.use), a(p.used_by);
}
template <class A>
void fields(A& a, UnownedBinary& u) {
  a(u.path), a(u.layer), a(u.product), a(u.version);
}
template <class A>
void fields(A& a, Judgement& j) {
  a(j.verdict), a(j.reasons);
}

namespace {

// All of a result that is not of the way the image was found. Layers are told anew from the image and the cache.
struct Stored {
  ScanResult* r;
  std::vector<std::string> digests, diff_ids, media_types, steps;
  std::vector<uint64_t> sizes;
};
template <class A>
void fields(A& a, Stored& s) {
  a(s.r->distribution), a(s.r->judgement), a(s.r->findings), a(s.r->coverage), a(s.r->packages), a(s.r->unowned), a(s.r->unowned_in_all);
  a(s.digests), a(s.diff_ids), a(s.media_types), a(s.steps), a(s.sizes);
}

// The build ID that the linker wrote into this program; "" without one.
std::string own_build_id() {
  std::string id;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& p = info->dlpi_phdr[i];
          if (p.p_type != PT_NOTE) continue;
          Bytes all(reinterpret_cast<const uint8_t*>(info->dlpi_addr + p.p_vaddr), p.p_memsz);  // NOLINT(performance-no-int-to-ptr)
          Reader r(all);
          while (r.left() >= 12) {
            uint32_t name_size = r.u32(), size = r.u32(), type = r.u32();
            std::string_view name = as_text(r.bytes(name_size));
            r.skip((4 - name_size % 4) % 4);
            Bytes body = r.bytes(size);
            r.skip((4 - size % 4) % 4);
            if (type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) *static_cast<std::string*>(out) = as_text(body);
          }
        }
        return 1;  // the first is the program itself
      },
      &id);
  return id;
}

std::string text_or_empty(const std::optional<Digest>& d) {
  return d ? d->text() : "";
}
std::optional<Digest> digest_or_none(const std::string& s) {
  auto d = Digest::parse(s);
  return d && !s.empty() ? std::optional(*d) : std::nullopt;
}

}  // namespace

std::string store_judged(const ScanResult& result) {
  Stored s{const_cast<ScanResult*>(&result), {}, {}, {}, {}, {}};  // Encoder only reads
  for (const ScannedLayer& l : result.layers) {
    s.digests.push_back(text_or_empty(l.digest));
    s.diff_ids.push_back(text_or_empty(l.diff_id));
    s.sizes.push_back(l.size.value_or(0));
    s.media_types.push_back(l.media_type);
    s.steps.push_back(l.created_by);
  }
  return encode(s);
}

bool restore_judged(const std::string& stored, ScanResult& result) {
  Stored s{&result, {}, {}, {}, {}, {}};
  if (!decode(as_bytes(stored), &s)) return false;
  size_t n = s.digests.size();
  if (s.diff_ids.size() != n || s.sizes.size() != n || s.media_types.size() != n || s.steps.size() != n) return false;
  for (size_t i = 0; i < n; ++i) {
    ScannedLayer l;
    l.digest = digest_or_none(s.digests[i]);
    l.diff_id = digest_or_none(s.diff_ids[i]);
    if (s.sizes[i] != 0) l.size = s.sizes[i];
    l.media_type = s.media_types[i];
    l.created_by = s.steps[i];
    result.layers.push_back(std::move(l));
  }
  return true;
}

std::optional<JudgedKey> judged_key(const Image& image, const ScanOptions& options) {
  static const std::string program = own_build_id();
  if (program.empty() || image.is_rootfs || image.is_single_file || !image.mismatches.empty() || !image.gaps.empty()) return std::nullopt;
  Encoder e;
  e(program), e(uint64_t{kCollectors});
  e(image.digest.text()), e(image.index_digest.text()), e(image.config_digest.text());
  for (const KnowledgeSource& k : options.threats->sources) e(k.name), e(k.count), e(k.digest.text()), e(k.date);
  Sha256 patterns = digest_of_patterns(options.threats->patterns);
  e(patterns);
  JudgedKey out;
  for (const Layer& l : image.layers) {
    if (l.kind != LayerKind::tar || l.descriptor.digest.empty()) return std::nullopt;
    auto known = options.cache->blob(l.descriptor.digest);
    if (!known) return std::nullopt;
    e(l.descriptor.digest.text()), e(l.descriptor.media_type), e(known->size), e(known->diff_id.text()), e(l.claimed_diff_id.text());
    out.diff_ids.push_back(known->diff_id);
  }
  if (image.config_digest.empty() || out.diff_ids.empty()) return std::nullopt;
  out.key = Digest(sha256_of(as_bytes(e.take()))).text();
  return out;
}

}  // namespace careen
