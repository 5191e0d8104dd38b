#include "vmm/ram/pages.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "sysfs/base/address.h"
#include "sysfs/base/text.h"

namespace vmm {
namespace {

constexpr std::array kAll = {Pages::kTransparent, Pages::kHuge2M, Pages::kHuge1G};

std::string PoolFolder(Pages pages) {
  return fmt::format("/sys/kernel/mm/hugepages/hugepages-{}kB", PageBytes(pages) / 1024);
}

}  // namespace

std::string_view PagesName(Pages pages) {
  switch (pages) {
    case Pages::kTransparent:
      return "transparent";
    case Pages::kHuge2M:
      return "2M";
    case Pages::kHuge1G:
      return "1G";
  }
  return "";
}

std::optional<Pages> ParsePages(std::string_view text) {
  for (const Pages pages : kAll) {
    if (text == PagesName(pages)) return pages;
  }
  return std::nullopt;
}

uint64_t PageBytes(Pages pages) { return pages == Pages::kHuge1G ? base::kGiB : 2 * base::kMiB; }

PagePool ReadPagePool(const sysfs::Tree& tree, Pages pages) {
  const std::string folder = PoolFolder(pages);
  PagePool pool;
  const auto read = [&](std::string_view name) {
    return sysfs::ReadDecimal(tree, fmt::format("{}/{}", folder, name)).value_or(0);
  };
  pool.exists = tree.Exists(folder);
  pool.pages = read("nr_hugepages");
  pool.free = read("free_hugepages");
  pool.promised = read("resv_hugepages");
  const uint64_t most = read("nr_overcommit_hugepages"), now = read("surplus_hugepages");
  pool.surplus = most > now ? most - now : 0;
  return pool;
}

base::Status CheckPages(Pages pages, uint64_t bytes, const PagePool& pool) {
  if (!IsReserved(pages)) return {};
  const std::string_view name = PagesName(pages);
  if (bytes % PageBytes(pages) != 0) {
    return base::Fail(
        base::Code::kUsage,
        fmt::format("--memory: {} is no multiple of pages={}", base::FormatSize(bytes), name),
        fmt::format("give a multiple of {}", base::FormatSize(PageBytes(pages))));
  }
  if (!pool.exists) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("pages={}: this host has no pages of that size", name),
                      pages == Pages::kHuge1G
                          ? "the processor needs pdpe1gb; pages=2M needs less"
                          : "the kernel needs CONFIG_HUGETLBFS; leave pages= out for transparent "
                            "huge pages");
  }
  const uint64_t needed = bytes / PageBytes(pages);
  if (pool.available() >= needed) return {};
  const uint64_t more = needed - pool.available();
  return base::Fail(
      base::Code::kUnfit,
      fmt::format("pages={}: {} pages needed, {} free of the host's {}", name, needed,
                  pool.available(), pool.pages),
      fmt::format("echo {} > {}/nr_hugepages{}", pool.pages + more, PoolFolder(pages),
                  pages == Pages::kHuge1G
                      ? fmt::format(", or at boot: hugepagesz=1G hugepages={}", pool.pages + more)
                      : ""));
}

}  // namespace vmm
