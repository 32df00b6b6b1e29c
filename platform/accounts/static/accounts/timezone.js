/* Fills an untouched time zone with the device's own. Without this module it stays UTC, and the profile page changes it. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const field = document.querySelector("input[data-timezone]");
if (field && zone && !field.value) field.value = zone;
