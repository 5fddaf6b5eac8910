// SPDX-License-Identifier: GPL-2.0-only
#include "calls.h"

unsigned int calls_collect(const struct desk *desk, bool foreign, const struct call **calls)
{
	static const struct call *const tables[] = {
		range_calls, advice_calls, byte_calls, uffd_calls, single_calls, proc_calls,
	};
	unsigned int count = 0;

	for (unsigned int table = 0; table < COUNT_OF(tables); table++)
		for (const struct call *call = tables[table]; call->name && count < CALLS_MAX; call++)
			if ((!foreign || call->foreign) && (!call->there || call->there(desk)))
				calls[count++] = call;
	return count;
}
