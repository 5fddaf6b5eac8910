"""Which names the changed lines of headers declare."""

from __future__ import annotations

from orchestrator.model.series import Patch
from orchestrator.parse.code.declared_names import declared_names

DIFF = b"""\
diff --git a/include/linux/mm.h b/include/linux/mm.h
--- a/include/linux/mm.h
+++ b/include/linux/mm.h
@@ -10,9 +10,11 @@
 #define UNCHANGED 1
-#define VMA_LOCK_OFFSET	0x40000000
+# define VMA_REF_LIMIT	(VMA_LOCK_OFFSET - 1)
 struct vm_area_struct {
-	struct vma_lock *vm_lock;
+	refcount_t vm_refcnt ____cacheline_aligned;
+	unsigned int vm_lock_seq : 3;
+	unsigned long pages[2];
 };
-static inline bool vma_start_read(struct vm_area_struct *vma)
+static inline struct vm_area_struct *vma_start_read_locked(struct mm_struct *mm,
+							 unsigned long address)
+void vma_detach(struct vm_area_struct *vma);
+	if (unlikely(!refcount_inc(&vma->vm_refcnt)))
+		return NULL;
+#ifdef CONFIG_X
diff --git a/mm/memory.c b/mm/memory.c
--- a/mm/memory.c
+++ b/mm/memory.c
@@ -1 +1 @@
+int not_of_a_header(void)
diff --git a/include/linux/gone.h b/include/linux/gone.h
--- a/include/linux/gone.h
+++ /dev/null
@@ -1 +0,0 @@
-int gone_with_it(void);
"""


def test_functions_macros_and_members_of_headers_alone() -> None:
    assert declared_names([Patch("0001-a.patch", "mm: a", DIFF, "", ())]) == (
        "VMA_LOCK_OFFSET",
        "VMA_REF_LIMIT",
        "vm_lock",
        "vm_refcnt",
        "vm_lock_seq",
        "pages",
        "vma_start_read",
        "vma_start_read_locked",
        "vma_detach",
        "gone_with_it",
    )
