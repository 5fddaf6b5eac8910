"""A cost with a change of each kind."""

from __future__ import annotations

from orchestrator.model.cost import (
    Cost,
    ExportChange,
    Layout,
    MemberPlace,
    SizeChange,
    Slab,
    SlabChange,
    StructChange,
)

BEFORE = Layout(
    152, 8, (("vm_flags", MemberPlace("vm_flags_t", 0, 8)), ("anon_vma", MemberPlace("struct anon_vma *", 8, 8)),
             ("vm_lock", MemberPlace("struct vma_lock *", 16, 8))), ((24, 3),), 0,
)  # fmt: skip
AFTER = Layout(
    192, 8, (("vm_flags", MemberPlace("vm_flags_t", 0, 16)), ("anon_vma", MemberPlace("struct anon_vma *", 64, 8)),
             ("vm_refcnt", MemberPlace("refcount_t", 128, 4))), ((132, 32),), 28,
)  # fmt: skip
FOUND = Cost(
    "whole kernels",
    True,
    (
        StructChange("struct vm_area_struct", "include/linux/mm_types.h", BEFORE, AFTER),
        StructChange("struct vma_lock", "include/linux/mm_types.h", Layout(40, 8, ()), None),
    ),
    (SlabChange("struct vm_area_struct", Slab(152, 152, 0, 26), Slab(192, 192, 0, 21)),),
    (SizeChange("code", 1000, 1319),),
    (SizeChange("do_fault", 1240, 1570), SizeChange("new", None, 34), SizeChange("gone", 45, None)),
    (SizeChange("gate_vma", 152, 192),),
    (SizeChange("do_fault", 48, 56), SizeChange("f", 64, 32)),
    (ExportChange("__vma_start_write", "", "EXPORT_SYMBOL_GPL"),),
    ("the moon",),
)
