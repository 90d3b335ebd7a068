#include "formats/ifunc_walk.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace careen {
namespace {

constexpr std::array<std::string_view, 22> kNoReturn{"__stack_chk_fail",
                                                     "abort",
                                                     "__assert_fail",
                                                     "__assert",
                                                     "__assert_perror_fail",
                                                     "exit",
                                                     "_exit",
                                                     "_Exit",
                                                     "quick_exit",
                                                     "__fortify_fail",
                                                     "__chk_fail",
                                                     "__libc_fatal",
                                                     "longjmp",
                                                     "siglongjmp",
                                                     "__longjmp_chk",
                                                     "pthread_exit",
                                                     "__cxa_throw",
                                                     "__cxa_rethrow",
                                                     "_Unwind_Resume",
                                                     "_ZSt9terminatev",
                                                     "__stack_chk_fail_local",
                                                     "__libc_message"};

bool is_no_return(std::string_view name) {
  return std::find(kNoReturn.begin(), kNoReturn.end(), name) != kNoReturn.end();
}

// What a relocation puts into a word of memory.
struct Slot {
  uint64_t target = 0;  // an address in this file, or 0
  std::string_view import;
  uint32_t type = 0;
};

const char* relocation_name(uint32_t type) {
  switch (type) {
    case elf::kRX64_64:
      return "R_X86_64_64";
    case elf::kRX64GlobDat:
      return "R_X86_64_GLOB_DAT";
    case elf::kRX64JumpSlot:
      return "R_X86_64_JUMP_SLOT";
    case elf::kRX64Relative:
      return "R_X86_64_RELATIVE";
    default:
      return "relocation";
  }
}

// What is known of a register or a stack cell: nothing, an address in this file, the content of a slot, or an address in the
// frame of the function or of one that called it. A store through the last is how `cpuid` helpers hand results back.
struct Value {
  enum class Kind : uint8_t { unknown, address, slot, frame } kind = Kind::unknown;
  uint64_t at = 0;
};

struct State {
  std::array<Value, 16> registers{};
  std::vector<std::pair<int64_t, Value>> cells;  // by displacement from rbp

  void forget(int r) { registers[static_cast<size_t>(r)] = {}; }
  void after_call(uint16_t written) {
    for (int r = 0; r < 16; ++r)
      if ((written >> r & 1) != 0) forget(r);
  }
  Value cell(int64_t d) const {
    for (const auto& [at, v] : cells)
      if (at == d) return v;
    return {};
  }
  void set_cell(int64_t d, Value v) {
    std::erase_if(cells, [&](const auto& c) { return c.first == d; });
    if (v.kind != Value::Kind::unknown && cells.size() < 16) cells.emplace_back(d, v);
  }
};

constexpr int kRsp = 4, kRbp = 5;
constexpr uint16_t kCallerSaved = 0b0000'1111'1100'0111;  // rax rcx rdx rsi rdi r8-r11
constexpr uint32_t kMaxClobberInstructions = 4000;

// 0 to 15 for a general register of any width, -1 else.
int register_index(ZydisRegister r) {
  ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
  if (wide < ZYDIS_REGISTER_RAX || wide > ZYDIS_REGISTER_R15) return -1;
  return wide - ZYDIS_REGISTER_RAX;
}

class Walker {
 public:
  Walker(const ElfFile& elf, const FileView& file) : elf_(elf), file_(file) {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    index_names();
    index_slots();
  }

  IfuncFacts run() {
    IfuncFacts facts;
    for (const auto& [address, name] : resolvers()) {
      ++facts.resolvers;
      if (!elf_.is_executable(address)) continue;
      if (total_ >= kMaxWalkTotal) {
        facts.capped = true;
        break;
      }
      Resolver r = walk(address, name);
      ++facts.walked;
      facts.most_functions = std::max(facts.most_functions, r.functions);
      facts.capped |= r.capped;
      note(facts, std::move(r));
    }
    return facts;
  }

 private:
  // Keeps the most telling: harmless ones in front must not crowd out one that calls through a slot.
  static int rank(const Resolver& r) {
    return r.slot_call_count != 0 ? 3 : r.functions >= 3 && r.computed_stores != 0 ? 2 : r.functions >= 3 || r.capped ? 1 : 0;
  }
  static void note(IfuncFacts& facts, Resolver r) {
    if (rank(r) == 0) return;
    if (facts.notable.size() < kMaxNotableResolvers) {
      facts.notable.push_back(std::move(r));
      return;
    }
    auto least = std::min_element(facts.notable.begin(), facts.notable.end(), [](const Resolver& a, const Resolver& b) { return rank(a) < rank(b); });
    if (rank(*least) < rank(r)) *least = std::move(r);
  }

  void index_names() {
    auto add = [&](const ElfSymbol& s) {
      if (s.defined && s.type == elf::kSymbolFunction && s.value != 0) functions_.emplace_back(s.value, &s);
    };
    for (const ElfSymbol& s : elf_.symbols) add(s);
    for (const ElfSymbol& s : elf_.local_symbols) add(s);
    std::stable_sort(functions_.begin(), functions_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  const ElfSymbol* function_at(uint64_t address) const {
    auto it = std::lower_bound(functions_.begin(), functions_.end(), address, [](const auto& a, uint64_t b) { return a.first < b; });
    return it == functions_.end() || it->first != address ? nullptr : it->second;
  }

  void index_slots() {
    for (const ElfRelocation& r : elf_.relocations) {
      Slot s{0, {}, r.type};
      if (r.type == elf::kRX64Relative) {
        s.target = static_cast<uint64_t>(r.addend);
        if (!elf_.is_executable(s.target)) continue;  // nearly all: pointers to data
      } else if (r.type == elf::kRX64GlobDat || r.type == elf::kRX64JumpSlot || r.type == elf::kRX64_64) {
        if (r.symbol >= elf_.symbols.size()) continue;
        const ElfSymbol& sym = elf_.symbols[r.symbol];
        if (sym.defined && sym.type != elf::kSymbolIfunc) s.target = sym.value + (r.type == elf::kRX64_64 ? static_cast<uint64_t>(r.addend) : 0);
        s.import = sym.name;
      } else {
        continue;
      }
      slots_.emplace_back(r.where, s);
    }
    auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!std::is_sorted(slots_.begin(), slots_.end(), before)) std::stable_sort(slots_.begin(), slots_.end(), before);
  }

  // Every resolver once, by address: dynamic symbols, local symbols, then IRELATIVE relocations.
  std::map<uint64_t, std::string> resolvers() const {
    std::map<uint64_t, std::string> out;
    for (const auto* list : {&elf_.symbols, &elf_.local_symbols})
      for (const ElfSymbol& s : *list)
        if (s.defined && s.type == elf::kSymbolIfunc && s.value != 0) out.try_emplace(s.value, s.name);
    for (const ElfRelocation& r : elf_.relocations)
      if (r.type == elf::kRX64Irelative) out.try_emplace(static_cast<uint64_t>(r.addend), "");
    return out;
  }

  const Slot* slot_at(uint64_t address) const {
    auto it = std::upper_bound(slots_.begin(), slots_.end(), address, [](uint64_t a, const auto& b) { return a < b.first; });
    return it == slots_.begin() || (--it)->first != address ? nullptr : &it->second;  // the last one wins, as when linking
  }
  std::string_view name_at(uint64_t address) const {
    const ElfSymbol* s = function_at(address);
    return s == nullptr ? std::string_view{} : s->name;
  }

  struct Insn {
    ZydisDecodedInstruction i;
    std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> ops;
  };

  bool decode(uint64_t address, Insn& insn) const {
    uint64_t follow = 0;
    auto offset = elf_.offset_of(address, &follow);
    if (!offset || !elf_.is_executable(address)) return false;
    std::array<uint8_t, 15> code{};
    size_t n = static_cast<size_t>(std::min<uint64_t>({code.size(), follow, file_.size() - std::min(*offset, file_.size())}));
    if (n == 0 || !file_.read(*offset, std::span(code).first(n))) return false;
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder_, code.data(), n, &insn.i, insn.ops.data()));
  }

  static std::optional<uint64_t> absolute(const Insn& x, size_t op, uint64_t address) {
    ZyanU64 out = 0;
    if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&x.i, &x.ops[op], address, &out))) return out;
    return std::nullopt;
  }

  // The slot of a PLT stub: [endbr64] [bnd] jmp *slot(%rip).
  const Slot* plt_slot(uint64_t address, uint64_t* slot) const {
    Insn x;
    for (int k = 0; k < 2; ++k) {
      if (!decode(address, x)) return nullptr;
      if (x.i.mnemonic == ZYDIS_MNEMONIC_JMP && x.ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY && x.ops[0].mem.base == ZYDIS_REGISTER_RIP) {
        auto at = absolute(x, 0, address);
        if (!at) return nullptr;
        *slot = *at;
        return slot_at(*at);
      }
      if (x.i.mnemonic != ZYDIS_MNEMONIC_ENDBR64) return nullptr;
      address += x.i.length;
    }
    return nullptr;
  }

  struct Work {
    uint64_t address, function;
    State state;
  };

  Resolver walk(uint64_t address, const std::string& name) {
    out_ = {};
    out_.address = address;
    out_.name = name;
    callers_.clear();
    seen_.clear();
    work_.clear();
    enter(address, 0, {});
    while (!work_.empty() && !out_.capped) {
      Work w = std::move(work_.back());
      work_.pop_back();
      straight(std::move(w));
    }
    out_.functions = static_cast<uint32_t>(callers_.size());
    for (const auto& [entry, unused] : callers_) {
      auto c = chain_to(entry);
      if (c.size() > out_.deepest.size()) out_.deepest = std::move(c);
    }
    total_ += out_.instructions;
    return std::move(out_);
  }

  // Arguments go along: what the registers are known to hold at the first call.
  void enter(uint64_t function, uint64_t caller, const State& st) {
    if (!callers_.try_emplace(function, caller).second) return;
    State arguments;
    for (size_t r : {1U, 2U, 6U, 7U, 8U, 9U}) arguments.registers[r] = st.registers[r];  // rcx rdx rsi rdi r8 r9
    work_.push_back({function, function, std::move(arguments)});
  }

  std::vector<uint64_t> chain_to(uint64_t function) const {
    std::vector<uint64_t> chain;
    for (uint64_t f = function; f != 0 && chain.size() < 64; f = callers_.at(f)) chain.push_back(f);
    std::reverse(chain.begin(), chain.end());
    return chain;
  }

  // A call or jump through a slot. False when control does not come back.
  bool through_slot(uint64_t at, uint64_t slot, const Slot& s, const char* how, uint64_t function, const State& st) {
    if (s.target != 0 && elf_.is_executable(s.target)) {
      ++out_.slot_call_count;
      if (out_.slot_calls.size() < kMaxWalkEvidence) out_.slot_calls.push_back({at, slot, s.target, relocation_name(s.type), how, chain_to(function)});
      enter(s.target, function, st);
      return !is_no_return(name_at(s.target));
    }
    return !is_no_return(s.import);
  }

  // A direct call. False when control does not come back.
  bool direct_call(uint64_t at, uint64_t target, uint64_t function, const State& st) {
    uint64_t slot = 0;
    if (const Slot* s = plt_slot(target, &slot)) return through_slot(at, slot, *s, "plt", function, st);
    if (is_no_return(name_at(target))) return false;
    if (elf_.is_executable(target)) enter(target, function, st);
    return true;
  }

  // Whether a jump leaves its function: to the start of another, or in front of this one.
  bool is_tail_jump(uint64_t target, uint64_t function) const {
    if (target == function) return false;
    if (target < function || function_at(target) != nullptr) return true;
    const ElfSymbol* own = function_at(function);
    return own != nullptr && own->size != 0 && target >= function + own->size;
  }

  Value value_of(const Insn& x, size_t op, uint64_t address, const State& st) const {
    const ZydisDecodedOperand& o = x.ops[op];
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      int r = register_index(o.reg.value);
      if (r == kRsp || r == kRbp) return {Value::Kind::frame, 0};
      return r < 0 ? Value{} : st.registers[static_cast<size_t>(r)];
    }
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || o.size != 64) return {};
    if (auto at = address_of(x, op, address, st)) return slot_at(*at) != nullptr ? Value{Value::Kind::slot, *at} : Value{};
    if (o.mem.base == ZYDIS_REGISTER_RBP && o.mem.index == ZYDIS_REGISTER_NONE) return st.cell(o.mem.disp.value);
    return {};
  }

  // The address of a memory operand where it is known: relative to rip, absolute, or to a register with a known address.
  static std::optional<uint64_t> address_of(const Insn& x, size_t op, uint64_t address, const State& st) {
    const auto& m = x.ops[op].mem;
    if (m.segment == ZYDIS_REGISTER_FS || m.segment == ZYDIS_REGISTER_GS || m.index != ZYDIS_REGISTER_NONE) return std::nullopt;
    if (m.base == ZYDIS_REGISTER_RIP || m.base == ZYDIS_REGISTER_NONE) return absolute(x, op, address);
    int r = register_index(m.base);
    if (r < 0 || st.registers[static_cast<size_t>(r)].kind != Value::Kind::address) return std::nullopt;
    return st.registers[static_cast<size_t>(r)].at + static_cast<uint64_t>(m.disp.value);
  }

  static bool is_frame(ZydisRegister base, const State& st) {
    int r = register_index(base);
    return r == kRsp || r == kRbp || (r >= 0 && st.registers[static_cast<size_t>(r)].kind == Value::Kind::frame);
  }

  // Whether an explicit operand stores through a pointer that was computed: not into a frame, not at a known address of this
  // file (by rip, or a table that lea found), not thread-local.
  static bool is_computed_store(const Insn& x, const State& st) {
    for (size_t k = 0; k < x.i.operand_count_visible; ++k) {
      const ZydisDecodedOperand& o = x.ops[k];
      if (o.type != ZYDIS_OPERAND_TYPE_MEMORY || (o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
      if (o.visibility != ZYDIS_OPERAND_VISIBILITY_EXPLICIT) continue;
      const auto& m = o.mem;
      if (m.segment == ZYDIS_REGISTER_FS || m.segment == ZYDIS_REGISTER_GS) continue;
      if (m.base == ZYDIS_REGISTER_RIP || m.base == ZYDIS_REGISTER_NONE || is_frame(m.base, st)) continue;
      if (int r = register_index(m.base); r >= 0 && st.registers[static_cast<size_t>(r)].kind == Value::Kind::address) continue;
      return true;
    }
    return false;
  }

  // Brings the state past an instruction that is no branch.
  void step(const Insn& x, uint64_t address, State& st) {
    if (x.i.mnemonic == ZYDIS_MNEMONIC_XCHG && x.i.operand_width == 64 && x.ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        x.ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER) {  // how clang keeps rbx across cpuid
      int a = register_index(x.ops[0].reg.value), b = register_index(x.ops[1].reg.value);
      if (a >= 0 && b >= 0) std::swap(st.registers[static_cast<size_t>(a)], st.registers[static_cast<size_t>(b)]);
      return;
    }
    Value moved;
    int into = -1;
    bool to_register = x.ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER;
    if (x.i.mnemonic == ZYDIS_MNEMONIC_MOV && to_register && x.i.operand_width >= 32 && x.ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
      into = register_index(x.ops[0].reg.value);  // a constant: an address without PIC, or a null pointer that is tested for
      moved = {Value::Kind::address, x.ops[1].imm.value.u};
    } else if (x.i.mnemonic == ZYDIS_MNEMONIC_XOR && to_register && x.ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER && x.ops[0].reg.value == x.ops[1].reg.value) {
      into = register_index(x.ops[0].reg.value);
      moved = {Value::Kind::address, 0};
    } else if (x.i.mnemonic == ZYDIS_MNEMONIC_MOV && x.i.operand_width == 64) {
      if (x.ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER) {
        into = register_index(x.ops[0].reg.value);
        moved = value_of(x, 1, address, st);
      } else if (x.ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY && x.ops[0].mem.base == ZYDIS_REGISTER_RBP && x.ops[0].mem.index == ZYDIS_REGISTER_NONE) {
        st.set_cell(x.ops[0].mem.disp.value, x.ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER ? value_of(x, 1, address, st) : Value{});
      }
    } else if (x.i.mnemonic == ZYDIS_MNEMONIC_LEA && x.ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER) {
      into = register_index(x.ops[0].reg.value);
      if (auto at = address_of(x, 1, address, st))
        moved = {Value::Kind::address, *at};
      else if (is_frame(x.ops[1].mem.base, st))
        moved = {Value::Kind::frame, 0};
    } else if ((x.i.mnemonic == ZYDIS_MNEMONIC_ADD || x.i.mnemonic == ZYDIS_MNEMONIC_SUB) && x.ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
               x.ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && is_frame(x.ops[0].reg.value, st)) {
      into = register_index(x.ops[0].reg.value);
      moved = {Value::Kind::frame, 0};
    }
    for (size_t k = 0; k < x.i.operand_count; ++k) {
      const ZydisDecodedOperand& o = x.ops[k];
      if (o.type != ZYDIS_OPERAND_TYPE_REGISTER || (o.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
      if (int r = register_index(o.reg.value); r >= 0) st.forget(r);
    }
    if (into >= 0) st.registers[static_cast<size_t>(into)] = moved;
  }

  // Decodes from one address until control leaves; puts what branches elsewhere on the list.
  void straight(Work w) {
    uint64_t at = w.address;
    for (;;) {
      if (!seen_.insert(at).second) return;
      Insn x;
      if (!decode(at, x)) return;
      if (++out_.instructions > kMaxWalkInstructions) {
        out_.capped = true;
        return;
      }
      uint64_t next = at + x.i.length;
      switch (x.i.meta.category) {
        case ZYDIS_CATEGORY_RET:
          return;
        case ZYDIS_CATEGORY_INTERRUPT:
          if (x.i.mnemonic != ZYDIS_MNEMONIC_INT || x.ops[0].imm.value.u != 0x80) return;
          w.state.forget(0);  // a system call of 32 bits: it comes back
          break;
        case ZYDIS_CATEGORY_CALL: {
          if (!branch(x, at, w.function, w.state)) return;
          auto t = x.ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? absolute(x, 0, at) : std::nullopt;
          w.state.after_call(t ? clobbers(*t) : kCallerSaved);
          break;
        }
        case ZYDIS_CATEGORY_COND_BR: {
          if (auto t = absolute(x, 0, at); t && elf_.is_executable(*t)) work_.push_back({*t, w.function, w.state});
          break;
        }
        case ZYDIS_CATEGORY_UNCOND_BR: {
          if (x.ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
            auto t = absolute(x, 0, at);
            if (!t || !elf_.is_executable(*t)) return;
            uint64_t slot = 0;
            if (const Slot* s = plt_slot(*t, &slot))
              through_slot(at, slot, *s, "plt", w.function, w.state);
            else if (is_tail_jump(*t, w.function))
              direct_call(at, *t, w.function, w.state);
            else
              work_.push_back({*t, w.function, w.state});
          } else {
            branch(x, at, w.function, w.state);
          }
          return;
        }
        default:
          if (x.i.mnemonic == ZYDIS_MNEMONIC_UD2 || x.i.mnemonic == ZYDIS_MNEMONIC_HLT) return;
          if (is_computed_store(x, w.state)) {
            ++out_.computed_stores;
            if (out_.stores.size() < kMaxWalkEvidence) out_.stores.push_back(at);
          }
          step(x, at, w.state);
      }
      at = next;
    }
  }

  // The registers that a local function writes: a compiler that saw it leaves the others in use across the call (-fipa-ra).
  // A function that calls, or is long, counts as writing all that it may.
  uint16_t clobbers(uint64_t function) {
    auto [it, fresh] = clobbers_.try_emplace(function, kCallerSaved);
    if (!fresh) return it->second;
    uint16_t written = 0;
    uint32_t steps = 0;
    std::unordered_set<uint64_t> seen;
    std::vector<uint64_t> todo{function};
    while (!todo.empty()) {
      uint64_t at = todo.back();
      todo.pop_back();
      Insn x;
      while (seen.insert(at).second && decode(at, x)) {
        if (++steps > kMaxClobberInstructions || x.i.meta.category == ZYDIS_CATEGORY_CALL) {
          total_ += steps;
          if (total_ > kMaxWalkTotal) out_.capped = true;
          return kCallerSaved;
        }
        for (size_t k = 0; k < x.i.operand_count; ++k)
          if (x.ops[k].type == ZYDIS_OPERAND_TYPE_REGISTER && (x.ops[k].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0)
            if (int r = register_index(x.ops[k].reg.value); r >= 0) written = static_cast<uint16_t>(written | 1U << r);
        bool jump = x.i.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
        if (jump || x.i.meta.category == ZYDIS_CATEGORY_COND_BR) {
          auto t = x.ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? absolute(x, 0, at) : std::nullopt;
          if (!t) return kCallerSaved;
          todo.push_back(*t);
        }
        if (jump || x.i.meta.category == ZYDIS_CATEGORY_RET) break;
        at += x.i.length;
      }
    }
    total_ += steps;
    if (total_ > kMaxWalkTotal) out_.capped = true;
    return clobbers_[function] = written & kCallerSaved;
  }

  // A call or an indirect jump. False when control does not come back.
  bool branch(const Insn& x, uint64_t at, uint64_t function, const State& st) {
    const ZydisDecodedOperand& o = x.ops[0];
    if (o.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
      auto t = absolute(x, 0, at);
      return !t || direct_call(at, *t, function, st);
    }
    if (o.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      Value v = value_of(x, 0, at, st);
      if (v.kind == Value::Kind::address) return direct_call(at, v.at, function, st);
      if (v.kind == Value::Kind::slot) return through_slot(at, v.at, *slot_at(v.at), "register", function, st);
      return true;
    }
    if (o.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      Value v = value_of(x, 0, at, st);
      if (v.kind == Value::Kind::slot) return through_slot(at, v.at, *slot_at(v.at), "memory", function, st);
      if (v.kind == Value::Kind::address) return direct_call(at, v.at, function, st);
    }
    return true;
  }

  const ElfFile& elf_;
  const FileView& file_;
  ZydisDecoder decoder_{};
  std::vector<std::pair<uint64_t, const ElfSymbol*>> functions_;  // by address
  std::vector<std::pair<uint64_t, Slot>> slots_;                  // by address
  std::unordered_map<uint64_t, uint16_t> clobbers_;
  uint64_t total_ = 0;
  Resolver out_;
  std::map<uint64_t, uint64_t> callers_;  // function entry → the function it was first called from
  std::unordered_set<uint64_t> seen_;
  std::vector<Work> work_;
};

}  // namespace

IfuncFacts walk_resolvers(const ElfFile& elf, const FileView& file) {
  if (elf.machine == elf::kMachineX86_64 && elf.is64) {
    bool any = std::any_of(elf.relocations.begin(), elf.relocations.end(), [](const ElfRelocation& r) { return r.type == elf::kRX64Irelative; });
    for (const auto* list : {&elf.symbols, &elf.local_symbols})
      any = any || std::any_of(list->begin(), list->end(), [](const ElfSymbol& s) { return s.defined && s.type == elf::kSymbolIfunc && s.value != 0; });
    if (!any) return {};
    return Walker(elf, file).run();
  }
  IfuncFacts facts;
  for (const ElfSymbol& s : elf.symbols) facts.resolvers += s.defined && s.type == elf::kSymbolIfunc ? 1 : 0;
  return facts;
}

}  // namespace careen
