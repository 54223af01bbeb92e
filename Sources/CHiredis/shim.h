// hiredis as the target Backplane sees it: only its reader of replies, behind functions that look
// the same for 0.14 and 1.x.
#ifndef ROOST_CHIREDIS_SHIM_H
#define ROOST_CHIREDIS_SHIM_H

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#endif
