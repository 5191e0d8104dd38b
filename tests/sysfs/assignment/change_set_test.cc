#include "sysfs/assignment/change_set.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_proxy.h"

namespace sysfs {
namespace {

using base::Code;
using std::chrono::milliseconds;
using test::FailsWith;
using test::FakeTree;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Record = FakeTree::WriteRecord;

class Apply : public testing::Test {
 protected:
  Apply() {
    for (const char* path : {"/a", "/b", "/c"}) tree_.AddFile(path, "old");
    options_.pause = [this](milliseconds time) { paused_ += time; };
  }

  // Three writes, each undone by writing "old" back.
  ChangeSet Three() const {
    ChangeSet changes;
    for (const char* path : {"/a", "/b", "/c"}) {
      changes.push_back({{path, "new"}, std::string("change ") + path, {{path, "old"}}});
    }
    return changes;
  }

  FakeTree tree_;
  ApplyOptions options_;
  milliseconds paused_{0};
};

TEST_F(Apply, UndoesInReverseWhateverStepFails) {
  tree_.FailWrite(3, EIO);
  EXPECT_THAT(sysfs::Apply(tree_, Three(), options_),
              FailsWith(Code::kKernel, AllOf(HasSubstr("change /c"), HasSubstr("was put back"))));
  EXPECT_THAT(tree_.writes(),
              ElementsAre(Record{"/a", "new", 0}, Record{"/b", "new", 0}, Record{"/c", "new", EIO},
                          Record{"/b", "old", 0}, Record{"/a", "old", 0}));
}

TEST_F(Apply, ReportsBothErrorsAndGoesOnUndoing) {
  tree_.FailWrite(3, EIO);
  tree_.FailWrite(4, ENOSPC);
  EXPECT_THAT(sysfs::Apply(tree_, Three(), options_),
              FailsWith(Code::kKernel, AllOf(HasSubstr("Input/output error"),
                                             HasSubstr("failed too"), HasSubstr("No space left"))));
  EXPECT_EQ(tree_.writes().back(), (Record{"/a", "old", 0}));
}

TEST_F(Apply, FailureAtTheFirstStepHasNothingToUndo) {
  tree_.FailWrite(1, EACCES);
  const auto status = sysfs::Apply(tree_, Three(), options_);
  EXPECT_THAT(status, FailsWith(Code::kDenied));
  EXPECT_THAT(status.error().message(), testing::Not(HasSubstr("put back")));
  EXPECT_EQ(tree_.writes().size(), 1u);
}

// The driver core says ENODEV for "not for this driver"; "no such device" would mislead.
TEST_F(Apply, RefusalByTheDriverIsTheKernels) {
  tree_.FailWrite(1, ENODEV);
  EXPECT_THAT(sysfs::Apply(tree_, Three(), options_), FailsWith(Code::kKernel));
}

TEST_F(Apply, AcceptedErrnoCountsAsDone) {
  ChangeSet changes = Three();
  changes[1].write.accepted = {ENODEV};
  tree_.FailWrite(2, ENODEV);
  EXPECT_THAT(sysfs::Apply(tree_, changes, options_), IsOk());
  EXPECT_EQ(tree_.writes().size(), 3u);
}

TEST_F(Apply, WrongResultOfAnAcceptedWriteIsUndoneToo) {
  tree_.AddLink("/driver", "../drivers/nvme");
  ChangeSet changes = Three();
  changes[0].expect = LinkCheck{"/driver", "vfio-pci"};
  EXPECT_THAT(sysfs::Apply(tree_, changes, options_),
              FailsWith(Code::kKernel, HasSubstr("is nvme instead of vfio-pci")));
  EXPECT_THAT(tree_.writes(), ElementsAre(Record{"/a", "new", 0}, Record{"/a", "old", 0}));
}

TEST_F(Apply, NoLinkIsAnExpectationAsWell) {
  tree_.AddLink("/driver", "../drivers/nvme");
  ChangeSet changes = Three();
  changes[0].expect = LinkCheck{"/driver", std::nullopt};
  EXPECT_THAT(sysfs::Apply(tree_, changes, options_), FailsWith(Code::kKernel));
}

TEST_F(Apply, BusyIsTriedAgainWithGrowingPauses) {
  ChangeSet changes = Three();
  changes[0].write.retry_busy = true;
  tree_.FailWrite(1, EBUSY);
  tree_.FailWrite(2, EAGAIN);
  EXPECT_THAT(sysfs::Apply(tree_, changes, options_), IsOk());
  EXPECT_EQ(paused_, milliseconds(150));
}

TEST_F(Apply, BusyForTooLongFails) {
  ChangeSet changes = Three();
  changes[0].write.retry_busy = true;
  tree_.FailWritesTo("/a", EBUSY);
  EXPECT_THAT(sysfs::Apply(tree_, changes, options_), FailsWith(Code::kKernel));
  EXPECT_EQ(paused_, milliseconds(5000));
}

TEST_F(Apply, BusyIsFatalWhereThePlanDoesNotSayOtherwise) {
  tree_.FailWrite(1, EBUSY);
  EXPECT_THAT(sysfs::Apply(tree_, Three(), options_), FailsWith(Code::kKernel));
  EXPECT_EQ(paused_, milliseconds(0));
}

TEST_F(Apply, BusyBecauseSomebodyElseDidItIsDone) {
  tree_.AddLink("/driver", "../drivers/vfio-pci");
  ChangeSet changes = Three();
  changes[0].write.retry_busy = true;
  changes[0].expect = LinkCheck{"/driver", "vfio-pci"};
  tree_.FailWrite(1, EBUSY);
  EXPECT_THAT(sysfs::Apply(tree_, changes, options_), IsOk());
  EXPECT_EQ(tree_.writes().size(), 3u);
}

TEST_F(Apply, TellsEachStepThatWorked) {
  std::vector<std::string> done;
  options_.on_done = [&](const Change& change) { done.push_back(change.reason); };
  tree_.FailWrite(3, EIO);
  EXPECT_FALSE(sysfs::Apply(tree_, Three(), options_));
  EXPECT_THAT(done, ElementsAre("change /a", "change /b"));
}

TEST_F(Apply, StepThatMayStillFinishIsNotUndone) {
  test::TreeProxy stuck(tree_, [this](const std::string& path, std::string_view value) {
    if (path == "/b") return base::Status(base::Fail(Code::kTimedOut, "stuck"));
    return tree_.Write(path, value);
  });
  EXPECT_THAT(sysfs::Apply(stuck, Three(), options_), FailsWith(Code::kTimedOut));
  EXPECT_THAT(tree_.writes(), ElementsAre(Record{"/a", "new", 0}));
}

TEST(FormatChanges, ReadsAsCommands) {
  const ChangeSet changes = {{{"/sys/a", "vfio-pci"}, "take it"}, {{"/sys/b", "\n"}, "clear it"}};
  EXPECT_EQ(Format(changes), "echo vfio-pci > /sys/a  # take it\necho > /sys/b  # clear it\n");
}

}  // namespace
}  // namespace sysfs
