#include "vmm/kvm/cpuid.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace vmm::kvm {
namespace {

constexpr uint32_t kHypervisorLeaf = 0x40000000;
constexpr uint32_t kKvmFeatureLeaf = 0x40000001;

constexpr uint32_t Bit(unsigned number) { return uint32_t{1} << number; }

void Replace(uint32_t& word, unsigned high, unsigned low, uint32_t value) {
  const auto mask = static_cast<uint32_t>((uint64_t{1} << (high + 1)) - (uint64_t{1} << low));
  word = (word & ~mask) | ((value << low) & mask);
}

void SetBit(uint32_t& word, unsigned number, bool on) {
  word = on ? word | Bit(number) : word & ~Bit(number);
}

struct Topology {
  uint32_t id;     // APIC id, x2APIC id and core number alike
  uint32_t count;  // cores in the one socket
  uint32_t width;  // bits of an APIC id that number the core
  bool amd;        // or its relative Hygon, which share the extended leaves
};

Topology MakeTopology(const CpuidRequest& request, const CpuidEntry* maker) {
  constexpr uint32_t kAuthenticAmd = 0x68747541;  // "Auth"
  constexpr uint32_t kHygonGenuine = 0x6f677948;  // "Hygo"
  const uint32_t count = std::max(request.cpu_count, 1u);
  const bool amd = maker != nullptr && (maker->ebx == kAuthenticAmd || maker->ebx == kHygonGenuine);
  return {request.cpu_index, count, static_cast<uint32_t>(std::bit_width(count - 1)), amd};
}

void PlanFeatures(CpuidEntry& entry, const Topology& cpu, bool tsc_deadline_timer) {
  Replace(entry.ebx, 31, 24, cpu.id);
  Replace(entry.ebx, 23, 16, uint32_t{1} << cpu.width);
  SetBit(entry.edx, 28, cpu.count > 1);  // HTT: more than one logical processor in the package
  SetBit(entry.ecx, 3, false);           // MONITOR/MWAIT
  SetBit(entry.ecx, 5, false);           // VMX
  SetBit(entry.ecx, 21, true);           // x2APIC, emulated by KVM
  SetBit(entry.ecx, 24, tsc_deadline_timer);
  SetBit(entry.ecx, 31, true);  // a hypervisor is there
}

// Leaf 4 (Intel) and 0x8000001d (AMD): the first two levels are a core's own, others are shared.
void PlanCache(CpuidEntry& entry, const Topology& cpu) {
  if ((entry.eax & 0x1f) == 0) return;  // no more caches
  const uint32_t level = (entry.eax >> 5) & 7;
  const uint32_t last_id = (uint32_t{1} << cpu.width) - 1;
  Replace(entry.eax, 25, 14, level < 3 ? 0 : last_id);
  if (entry.function == 4) Replace(entry.eax, 31, 26, last_id);
}

void PlanStructuredFeatures(CpuidEntry& entry) {
  if (entry.index != 0) return;
  SetBit(entry.ebx, 2, false);   // SGX
  SetBit(entry.ecx, 30, false);  // SGX launch control
}

void PlanKvmFeatures(CpuidEntry& entry) {
  SetBit(entry.eax, 4, false);   // asynchronous page faults,
  SetBit(entry.eax, 10, false);  // as a VM exit,
  SetBit(entry.eax, 14, false);  // and by interrupt
}

void PlanExtendedFeatures(CpuidEntry& entry, const Topology& cpu) {
  SetBit(entry.ecx, 2, false);                       // SVM
  if (cpu.amd) SetBit(entry.ecx, 1, cpu.count > 1);  // CmpLegacy: HTT means cores
}

void PlanExtendedTopology(CpuidEntry& entry, const Topology& cpu) {
  entry.eax = cpu.id;
  entry.ebx = cpu.id;  // core number; one thread a core
  entry.ecx = 0;       // node 0 of one
  entry.edx = 0;
}

// Leaves that describe what is hidden, or that are rewritten below.
bool IsDropped(uint32_t function) {
  switch (function) {
    case 0x5:         // MONITOR/MWAIT
    case 0xb:         // topology, below
    case 0x12:        // SGX
    case 0x1f:        // topology, below
    case 0x8000000a:  // SVM
    case 0x80000026:  // AMD's newest topology leaf: Linux falls back to 0xb
      return true;
    default:
      return false;
  }
}

void PlanEntry(CpuidEntry& entry, const Topology& cpu, bool tsc_deadline_timer) {
  switch (entry.function) {
    case 0x1:
      return PlanFeatures(entry, cpu, tsc_deadline_timer);
    case 0x4:
    case 0x8000001d:
      return PlanCache(entry, cpu);
    case 0x7:
      return PlanStructuredFeatures(entry);
    case kKvmFeatureLeaf:
      return PlanKvmFeatures(entry);
    case 0x80000001:
      return PlanExtendedFeatures(entry, cpu);
    case 0x80000008:
      if (!cpu.amd) return;
      Replace(entry.ecx, 7, 0, cpu.count - 1);
      Replace(entry.ecx, 15, 12, cpu.width);
      return;
    case 0x8000001e:
      return PlanExtendedTopology(entry, cpu);
    default:
      return;
  }
}

// Leaf 0xb or 0x1f: a thread level of one, the core level, and the end.
void AddTopology(uint32_t function, const Topology& cpu, std::vector<CpuidEntry>& plan) {
  constexpr uint32_t kThread = 1 << 8;
  constexpr uint32_t kCore = 2 << 8;
  plan.push_back({function, 0, true, 0, 1, 0 | kThread, cpu.id});
  plan.push_back({function, 1, true, cpu.width, cpu.count, 1 | kCore, cpu.id});
  plan.push_back({function, 2, true, 0, 0, 2, cpu.id});
}

const CpuidEntry* FindEntry(std::span<const CpuidEntry> entries, uint32_t function) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const CpuidEntry& entry) {
    return entry.function == function && entry.index == 0;
  });
  return found == entries.end() ? nullptr : &*found;
}

// KVM's signature ("KVMKVMKVM"), for kernels that leave it to user space.
void AddHypervisor(std::vector<CpuidEntry>& plan) {
  plan.push_back({kHypervisorLeaf, 0, false, kKvmFeatureLeaf, 0x4b4d564b, 0x564b4d56, 0x4d});
}

}  // namespace

std::vector<CpuidEntry> PlanCpuid(std::span<const CpuidEntry> supported,
                                  const CpuidRequest& request) {
  const CpuidEntry* basic = FindEntry(supported, 0);
  const Topology cpu = MakeTopology(request, basic);
  std::vector<CpuidEntry> plan;
  plan.reserve(supported.size() + 8);
  for (CpuidEntry entry : supported) {
    if (IsDropped(entry.function)) continue;
    PlanEntry(entry, cpu, request.tsc_deadline_timer);
    plan.push_back(entry);
  }
  const uint32_t last_basic = basic == nullptr ? 0 : basic->eax;
  if (last_basic >= 0xb) AddTopology(0xb, cpu, plan);
  if (last_basic >= 0x1f) AddTopology(0x1f, cpu, plan);
  if (FindEntry(plan, kHypervisorLeaf) == nullptr) AddHypervisor(plan);
  return plan;
}

unsigned PhysicalAddressBits(std::span<const CpuidEntry> supported) {
  constexpr unsigned kWithoutLeaf = 36;
  const CpuidEntry* entry = FindEntry(supported, 0x80000008);
  if (entry == nullptr || (entry->eax & 0xff) < 32) return kWithoutLeaf;
  // Bits 23 to 16 are what nested paging can map, when that is less (AMD APM volume 3, E.4.7).
  const unsigned whole = entry->eax & 0xff;
  const unsigned mapped = (entry->eax >> 16) & 0xff;
  return std::min({whole, mapped >= 32 ? mapped : whole, 52u});
}

}  // namespace vmm::kvm
