/* The phantom's parts: a drawn patient, what the scanner makes of a slice, what the readers draw. Lengths are in units of
 * half a picture: x from -1 (the patient's right) to 1, y from -1 (front) to 1 (back, the couch); z from 0 (apex) to 1 (base). */
#ifndef HL_DATA_PHANTOM_H
#define HL_DATA_PHANTOM_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HL_PHANTOM_LEFT = 1, /* labels of the lung mask */
    HL_PHANTOM_RIGHT = 2,
    HL_PHANTOM_LESIONS = 24,   /* at most, a patient */
    HL_PHANTOM_VESSELS = 1024, /* segments at most, a patient */
};

/* Height of the lungs in the units of x and y. */
#define HL_PHANTOM_HEIGHT 1.45

/* A run of random numbers of its own: the n-th draw of a key is the same whatever others drew. */
typedef struct hl_phantom_stream {
    uint64_t seed, key, next;
} hl_phantom_stream;

double hl_phantom_draw(hl_phantom_stream *stream, double low, double high);         /* uniform */
double hl_phantom_noise(uint64_t seed, uint64_t key, double x, double y, double z); /* smooth, -1..1, one bump a unit */
double hl_phantom_smoothstep(double low, double high, double x);

/* --- a centre: its scanner and its reader -------------------------------------------------------------------------- */

/* Every knob by which one centre differs from another. Lengths in 1/128 of the picture's side. */
typedef struct hl_phantom_centre {
    double gain, offset; /* grey = offset + gain * tissue, tissue from 0 (air) to 1 (bone), grey from 0 to 1 */
    double blur;         /* deviation of the point spread */
    double noise;        /* deviation of the noise, in tissue */
    double grain;        /* deviation of the Gaussian that correlates it */
    double density;      /* of lesions, relative to the first centre: the stage of the disease at which patients come */
    double threshold;    /* the reader draws what is at least so much lesion (0 healthy, 0.5 the border, 1 the core) */
    double smoothing;    /* deviation of the Gaussian that is the reader's hand */
    double wander;       /* how far the threshold wanders along the border; what a net cannot know, and so is unsure of */
} hl_phantom_centre;

/* Centre 0 is clean; centre 1 has fainter lesions and a generous reader; further ones are drawn between the two and a little beyond. */
hl_phantom_centre hl_phantom_centre_at(uint64_t seed, int centre);

/* --- a patient ----------------------------------------------------------------------------------------------------- */

typedef struct hl_phantom_anatomy {
    double body[2], fat, wobble[3]; /* half axes of the outline, thickness of the rim, phases of its dents */
    double cavity[2], cavity_y;     /* half axes of the chest wall's inside, and its middle */
    double mediastinum, spine_y, heart[2], heart_size;
    double dome[2]; /* top of the diaphragm, left and right, in z */
    double ribs, rib_phase;
    double fissure[2], fissure_slope[2]; /* left and right */
    double lung, dependent;              /* density of healthy lung, and of the haze in its lowest parts */
    double couch, motion;
} hl_phantom_anatomy;

/* A piece of a vessel: a capsule in three dimensions, z already in the units of x and y. */
typedef struct hl_phantom_vessel {
    double from[3], to[3], radius;
} hl_phantom_vessel;

typedef struct hl_phantom_lesion {
    double middle[3], radius[3], angle;
    double softness;       /* half width of the border, in radii */
    double density, solid; /* added to the lung's density; share of consolidation, which hides vessels */
    bool missed;           /* by the second reader */
    uint64_t key;          /* of its noise */
} hl_phantom_lesion;

typedef struct hl_phantom_patient {
    uint64_t seed, key;
    hl_phantom_anatomy anatomy;
    int vessel_count, lesion_count;
    hl_phantom_vessel vessels[HL_PHANTOM_VESSELS];
    hl_phantom_lesion lesions[HL_PHANTOM_LESIONS];
} hl_phantom_patient;

hl_phantom_anatomy hl_phantom_anatomy_draw(hl_phantom_stream *stream);
/* Distance to the lung's surface, negative inside. `label` says which lung. */
double hl_phantom_lung_distance(const hl_phantom_anatomy *a, int label, double x, double y, double z);
/* Tissue at a point as if there were no lungs; `pixel` softens edges. */
double hl_phantom_body(const hl_phantom_anatomy *a, double x, double y, double z, double pixel);
/* Tissue of healthy lung without its vessels; `distance` is that to the lung's surface. */
double hl_phantom_lung(const hl_phantom_patient *p, int label, double distance, double x, double y, double z);

void hl_phantom_vessels_draw(hl_phantom_stream *stream, hl_phantom_patient *p);
/* Adds to `cover` (size x size, 0..1) how much of each pixel is vessel at height z, in a slab of half thickness `half`. */
void hl_phantom_vessels_cover(const hl_phantom_patient *p, double z, double half, int size, float *cover);

/* Draws lesions of a severity from 0 to 1 that show on the slice at height `seen`. */
void hl_phantom_lesions_draw(hl_phantom_stream *stream, hl_phantom_patient *p, double severity, double seen);
/* Extents at height z, each size x size: `extent` of any lesion (0 none, 0.5 the border, 1 the core), `second` of those that the
 * second reader sees, `added` density and `solid` share. Only pixels inside a lesion's reach are touched. */
void hl_phantom_lesions_extent(const hl_phantom_patient *p, double z, int size, float *extent, float *second, float *added, float *solid);

/* --- a slice ------------------------------------------------------------------------------------------------------- */

/* Room for one slice; planes of size x size. */
typedef struct hl_phantom_slice {
    int size;
    float *tissue, *extent, *second, *added, *solid, *cover, *scratch;
    uint8_t *lung, *image, *mask, *mask2;
} hl_phantom_slice;

/* The body at height z: tissue, extents and the lung mask. */
void hl_phantom_render(const hl_phantom_patient *p, const hl_phantom_centre *centre, double z, hl_phantom_slice *slice);
/* What the scanner makes of the tissue, and the two readers of the extents. `key` names the slice. */
void hl_phantom_scan(const hl_phantom_centre *centre, uint64_t seed, uint64_t key, hl_phantom_slice *slice);
void hl_phantom_read_masks(const hl_phantom_centre *centre, uint64_t seed, uint64_t key, hl_phantom_slice *slice);

#endif
