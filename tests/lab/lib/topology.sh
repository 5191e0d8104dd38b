# What is plugged in where. docs/lab.md holds the same as a table; tests/lab/tests/lab-itself.test compares it with what Linux sees.
# shellcheck shell=bash

topologies=(default no-iommu no-intremap virtio-iommu many-vfs)

# slot_port ID SLOT: a root port at 00:SLOT.0. The firmware numbers the buses in the order of the slots.
slot_port() {
    machine+=(-device "pcie-root-port,id=$1,bus=pcie.0,addr=$2.0,chassis=$((16#${2#0x})),slot=$((16#${2#0x}))")
}

iommu_devices() {
    case $1 in
        no-iommu) ;;
        no-intremap) machine+=(-device intel-iommu,intremap=off,device-iotlb=on,aw-bits=39) ;;
        virtio-iommu) machine+=(-device virtio-iommu-pci,id=iommu,bus=pcie.0,addr=0x01.0) ;;
        *) machine+=(-device intel-iommu,intremap=on,eim=on,device-iotlb=on,aw-bits=48) ;;
    esac
}

# 01:00.0 carries the default route; 02:00.0 is the host's own drive; 03:00.0 the NIC with virtual functions.
host_devices() {
    slot_port port1 0x10
    slot_port port2 0x11
    slot_port port3 0x12
    machine+=(
        -netdev user,id=net-uplink,restrict=on,ipv6=off,net=10.0.2.0/24
        -device e1000e,id=uplink,bus=port1,netdev=net-uplink,mac=52:54:00:00:01:00
        -drive "if=none,id=drive-data,file=$disks/data.img,format=raw,snapshot=on,discard=unmap"
        -device nvme,id=data,bus=port2,serial=lab-data,drive=drive-data
        -netdev user,id=net-igb,restrict=on,ipv6=off,net=10.0.3.0/24
        -device igb,id=igb,bus=port3,netdev=net-igb,mac=52:54:00:00:03:00
    )
}

# A conventional bridge at 04:00.0; both devices behind it have INTx only and share one IOMMU group with it. One cable joins them.
conventional_devices() {
    slot_port port4 0x13
    machine+=(
        -device pcie-pci-bridge,id=bridge,bus=port4
        -netdev hubport,id=net-e1000,hubid=5
        -device e1000,id=e1000,bus=bridge,addr=0x01,netdev=net-e1000,mac=52:54:00:00:05:01
        -netdev hubport,id=net-rtl,hubid=5
        -device rtl8139,id=rtl8139,bus=bridge,addr=0x02,netdev=net-rtl,mac=52:54:00:00:05:02
    )
}

# 06:00.0 edu, 07:00.0 USB, 08:00.0 the drive to assign, 09:00.0 a display; 0a and 0b are empty slots.
assignable_devices() {
    local vfs=$1 flexible=$2
    slot_port port5 0x14
    slot_port port6 0x15
    slot_port port7 0x16
    slot_port port8 0x17
    slot_port slot-a 0x18
    slot_port slot-b 0x19
    machine+=(
        -device edu,id=edu,bus=port5,dma_mask=0xffffffff
        -device qemu-xhci,id=usb,bus=port6
        -drive "if=none,id=drive-known,file=$disks/known.img,format=raw,snapshot=on,discard=unmap"
        -device nvme-subsys,id=subsystem,nqn=lab-known
        -device "nvme,id=nvme,bus=port7,serial=lab-known,subsys=subsystem,max_ioqpairs=$((flexible + 8)),msix_qsize=$((vfs + 12)),sriov_max_vfs=$vfs,sriov_vq_flexible=$flexible,sriov_vi_flexible=$vfs"
        -device nvme-ns,id=nvme-ns,bus=nvme,drive=drive-known,nsid=1
        -device bochs-display,id=display,bus=port8
    )
}

# Appends to the array `machine` what the topology consists of; `disks` is the folder of the drives.
topology_devices() {
    iommu_devices "$1"
    host_devices
    conventional_devices
    case $1 in
        many-vfs) assignable_devices 64 128 ;;
        *) assignable_devices 4 8 ;;
    esac
}

# The kernel's command line for the topology.
topology_kernel_options() {
    case $1 in
        no-iommu | virtio-iommu) ;;
        *) printf 'intel_iommu=on ' ;;
    esac
}
