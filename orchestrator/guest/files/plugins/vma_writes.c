/*
 * A TCG plugin that counts at which of some instructions a member of a VMA was written without the VMA's write lock.
 *
 *	-plugin FILE,addresses=FILE,counters=FILE[,layout=FILE]
 *
 * `addresses`, `counters`: see plugin.h. The first word counts all writes to such members of VMAs that are in use, locked
 * or not: it shows that VMAs are found. In a counter, the bits from FIELD_AT on are the number of the member, from 1.
 *
 * `layout` says where the kernel has what is looked at: struct layout, as uint64_t. Without it each write counts, whatever it
 * was to, and the first word stays 0: that is how the tool tries whether this QEMU calls us.
 *
 * Nothing in the guest takes part. Its memory is read where QEMU has it: the plugin finds the mapping by its size, and
 * believes it when the kernel's banner is where it should be. Of an address that was written, the page says which cache
 * the object is from, as for the kernel itself. So nobody has to be told of a VMA, and memory that is something else by
 * now is never taken for one.
 *
 * Memory that has just become an object of the cache may look like a VMA in use until it is one. So a count says something
 * only when it has been written since the page was given to the cache, which the allocator's writes to struct page show.
 * (A VMA with a flag instead is set up at once, before anything of it is looked at.)
 *
 * The lock is held where the VMA's sequence is that of its mm (include/linux/mm.h: vma_start_write()); only who holds the mmap_lock for
 * writing can make them equal, and giving it up makes them differ. Not counted: who has no other thread that could look
 * (mm_users is 0: exit_mmap()), and a VMA that readers cannot lock yet or any more.
 */
#include <pthread.h>

#include "plugin.h"

#define NONE UINT64_MAX
#define PAGE 12
#define DIRECTORY 9 /* bits of an address that a level of page tables translates */
#define PRESENT 1ull
#define HUGE_PAGE (1ull << 7)
#define FRAME 0x000ffffffffff000ull
#define NEVER UINT32_MAX /* the sequence of a VMA that nobody has locked yet */
#define FIELD_AT 48
#define SMALLEST 64 /* bytes of a VMA, at least */
#define ORDER_AT 16 /* in the member of struct kmem_cache: OO_SHIFT in mm/slub.c */
#define LARGEST_ORDER 3 /* PAGE_ALLOC_COSTLY_ORDER */
#define HIGHEST_MASK (1ull << 40) /* no struct page lies so near to the end of all addresses */
#define HOLE_AT (2048ull << 20) /* q35 has none of more memory than this below 4 GiB: it is not looked at */

enum attached { BY_COUNT = 1, BY_FLAG = 2 };

struct layout {
	uint64_t kernel_map; /* where the kernel's image is mapped: less this, its addresses are physical */
	uint64_t banner, page_tables; /* linux_banner, init_top_pgt */
	uint64_t page_offset, vmemmap; /* variables; NONE: they are constants */
	uint64_t vma_cache, mm_cache; /* variables */
	uint64_t ram; /* bytes */
	uint64_t page_size, page_head, slab_cache; /* struct page and struct slab */
	uint64_t type, type_mask, type_slab; /* what struct page has there, of a slab */
	uint64_t object_size, left_pad, order; /* struct kmem_cache; the last two may be NONE */
	uint64_t vma_mm, vma_sequence, mm_sequence, mm_users;
	uint64_t attached, attached_how;
	uint64_t fields;
	struct { uint64_t offset, size; } field[];
};

struct place {
	uint64_t address;
	uint64_t *unlocked; /* in the file */
};

static struct place *places;
static size_t n;
static uint64_t *in_use; /* in the file */
static const struct layout *is;
static pthread_once_t found = PTHREAD_ONCE_INIT;
static const unsigned char *ram; /* NULL: not found */
static uint64_t *counted; /* for each SMALLEST bytes of memory a bit: the count of the VMA there has been written */
static const unsigned char **pages; /* of the array of struct page: where they are, once that has been asked */

/* Physical memory; NULL: there is none */
static const void *physical(uint64_t at, size_t size)
{
	return ram && at < is->ram && size <= is->ram - at ? ram + at : NULL;
}

static uint64_t word(const void *at)
{
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

static uint32_t half(const void *at)
{
	uint32_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

/* A variable of the kernel's image */
static uint64_t variable(uint64_t address, uint64_t otherwise)
{
	return address == NONE ? otherwise : word(physical(address - is->kernel_map, sizeof(uint64_t)));
}

static uint64_t page_offset(void)
{
	return variable(is->page_offset, 0xffff888000000000ull);
}

static uint64_t vmemmap(void)
{
	return variable(is->vmemmap, 0xffffea0000000000ull);
}

static void find_ram(void)
{
	static const char banner[] = "Linux version ";
	unsigned long from, to;
	char line[512], rights[5];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && !ram && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || to - from != is->ram || rights[1] != 'w')
			continue;
		ram = (const unsigned char *)from;
		if (memcmp(ram + (is->banner - is->kernel_map), banner, sizeof(banner) - 1))
			ram = NULL;
	}
	if (maps)
		fclose(maps);
	pages = calloc((is->ram >> PAGE) * is->page_size / (1 << PAGE) + 1, sizeof(*pages));
	counted = calloc(is->ram / SMALLEST / 64, sizeof(*counted));
	if (!pages || !counted)
		ram = NULL;
}

/* A page of kernel memory by the page tables: five levels of them where addresses are too low for four */
static const unsigned char *translated_page(uint64_t address)
{
	int levels = address >> 47 == 0x1ffff ? 4 : 5;
	uint64_t table = is->page_tables - is->kernel_map;

	for (int level = levels; level; level--) {
		unsigned int shift = PAGE + DIRECTORY * (level - 1);
		uint64_t slot = address >> shift & ((1 << DIRECTORY) - 1);
		uint64_t entry = word(physical(table + slot * sizeof(uint64_t), sizeof(uint64_t)));
		uint64_t inside = (1ull << shift) - 1;

		if (!(entry & PRESENT))
			return NULL;
		if (level == 1 || (level < 4 && entry & HUGE_PAGE))
			return physical((entry & FRAME & ~inside) | (address & inside & ~((1ull << PAGE) - 1)), 1 << PAGE);
		table = entry & FRAME;
	}
	return NULL;
}

/* The struct page at an offset in their array; none of them crosses a page where their size is a power of two */
static const unsigned char *struct_page(uint64_t offset)
{
	uint64_t number = offset >> PAGE, inside = offset & ((1 << PAGE) - 1);
	const unsigned char *page;

	if (offset >= (is->ram >> PAGE) * is->page_size || inside + is->page_size > 1 << PAGE)
		return NULL;
	page = __atomic_load_n(&pages[number], __ATOMIC_RELAXED);
	if (!page) {
		page = translated_page(vmemmap() + (number << PAGE));
		__atomic_store_n(&pages[number], page, __ATOMIC_RELAXED);
	}
	return page ? page + inside : NULL;
}

/* Of a page that is no slab any more the cache may stand there still: nobody writes the middle pages of a kernel stack's */
static bool is_of(const unsigned char *page, uint64_t cache)
{
	return word(page + is->slab_cache) == cache && (half(page + is->type) & is->type_mask) == is->type_slab;
}

/* The offset of a compound page's head, of what a tail page has: where the head is, or, in newer kernels that free
 * the struct pages of huge pages, a mask for the tail's own address (include/linux/page-flags.h: compound_info_has_mask()) */
static uint64_t head_page(uint64_t tail, uint64_t info)
{
	uint64_t at = info & ~1ull, below = ~at + 1;

	if (below < HIGHEST_MASK && !(below & (below - 1)))
		at &= vmemmap() + tail;
	return at - vmemmap();
}

/* How far into its object physical memory lies, if that is one of a cache; NONE: it is not */
static uint64_t inside_object(uint64_t at, uint64_t cache)
{
	uint64_t offset = (at >> PAGE) * is->page_size, head, inside, pad = 0, size;
	const unsigned char *page = struct_page(offset), *description;

	if (!page || !cache)
		return NONE;
	head = word(page + is->page_head);
	if (head & 1) {
		offset = head_page(offset, head);
		page = struct_page(offset);
		if (!page)
			return NONE;
	}
	if (!is_of(page, cache))
		return NONE;
	description = physical(cache - page_offset(), sizeof(uint64_t));
	if (!description)
		return NONE;
	size = half(description + is->object_size);
	if (is->left_pad != NONE)
		pad = half(description + is->left_pad);
	inside = at - (offset / is->page_size << PAGE);
	return size && inside >= pad ? (inside - pad) % size : NONE;
}

static uint64_t *counted_word(uint64_t at)
{
	return &counted[at / SMALLEST / 64];
}

static uint64_t counted_bit(uint64_t at)
{
	return 1ull << at / SMALLEST % 64;
}

/* The allocator has written to a struct page, at an offset in their array: if that made it one of VMAs, they are new */
static void gave_page(uint64_t offset)
{
	uint64_t cache = variable(is->vma_cache, 0), from = offset / is->page_size << PAGE, size, order = LARGEST_ORDER;
	const unsigned char *page = struct_page(offset - offset % is->page_size), *description;

	if (!page || !cache || offset % is->page_size != is->slab_cache || word(page + is->slab_cache) != cache)
		return;
	description = physical(cache - page_offset(), sizeof(uint64_t));
	if (description && is->order != NONE)
		order = half(description + is->order) >> ORDER_AT;
	size = (1ull << PAGE) << (order < LARGEST_ORDER ? order : LARGEST_ORDER);
	for (uint64_t at = from; at < from + size && at < is->ram; at += SMALLEST * 64)
		__atomic_store_n(counted_word(at), 0, __ATOMIC_RELAXED);
}

static bool is_attached(const unsigned char *vma, uint32_t sequence)
{
	if (is->attached_how == BY_COUNT)
		return half(vma + is->attached) && *counted_word(vma - ram) & counted_bit(vma - ram);
	/* a new VMA is not marked as detached: nobody has locked it yet */
	return !vma[is->attached] && sequence != NEVER;
}

/* The number of the member that was written without the lock, from 1; 0: none was */
static uint64_t unlocked_field(uint64_t address)
{
	uint64_t at = address - page_offset(), inside, mm_at, field = 0;
	const unsigned char *vma, *mm;
	uint32_t sequence;

	if (at >= is->ram) {
		gave_page(address - vmemmap());
		return 0;
	}
	inside = inside_object(at, variable(is->vma_cache, 0));
	if (inside == NONE)
		return 0;
	if (inside == is->attached)
		__atomic_or_fetch(counted_word(at - inside), counted_bit(at - inside), __ATOMIC_RELAXED);
	while (field < is->fields && inside - is->field[field].offset >= is->field[field].size)
		field++;
	if (field == is->fields)
		return 0;
	vma = ram + at - inside;
	mm_at = word(vma + is->vma_mm) - page_offset();
	if (mm_at >= is->ram || inside_object(mm_at, variable(is->mm_cache, 0)) != 0)
		return 0;
	mm = ram + mm_at;
	sequence = half(vma + is->vma_sequence);
	if (!is_attached(vma, sequence) || !half(mm + is->mm_users))
		return 0;
	__atomic_add_fetch(in_use, 1, __ATOMIC_RELAXED);
	return sequence == half(mm + is->mm_sequence) ? 0 : field + 1;
}

static void written(unsigned int cpu, uint32_t info, uint64_t address, void *data)
{
	uint64_t *counter = ((struct place *)data)->unlocked, field = 0;

	(void)cpu;
	if (!qemu_plugin_mem_is_store(info)) /* QEMU 7.2 may call us for reads, too */
		return;
	if (is) {
		pthread_once(&found, find_ram);
		field = ram ? unlocked_field(address) : 0;
		if (!field)
			return;
	}
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
	if (!(*counter >> FIELD_AT))
		__atomic_or_fetch(counter, field << FIELD_AT, __ATOMIC_RELAXED);
}

/*
 * With the first version of the interface the last instruction of a block is left out. Where the block goes on in another page,
 * QEMU 7.2 would tell us of each atomic access of whatever comes next as if it were of that instruction: its plugin_mem_cbs
 * are not cleared there. QEMU 10 does not.
 */
static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t all = qemu_plugin_tb_n_insns(tb) - (qemu_plugin_version == 1);

	(void)id;
	for (size_t i = 0; i < all; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct place *place = find(qemu_plugin_insn_vaddr(insn), places, n, sizeof(*places));

		if (place)
			qemu_plugin_register_vcpu_mem_cb(insn, written, NO_REGS, WRITES, place);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	const char *layout = value("layout", argc, argv);
	const uint64_t *addresses;
	size_t of_layout = 0;

	(void)info;
	in_use = mapped_counters(argc, argv, 0, &addresses, &n);
	if (!in_use)
		return 1;
	if (*layout) {
		is = mapped(layout, false, &of_layout);
		if (!is || is->ram > HOLE_AT)
			return 1;
	}
	places = calloc(n, sizeof(*places));
	if (!places)
		return 1;
	for (size_t at = 0; at < n; at++)
		places[at] = (struct place){ .address = addresses[at], .unlocked = &in_use[1 + at] };
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
