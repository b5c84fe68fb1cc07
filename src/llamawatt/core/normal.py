"""The normal distribution's 97.5 % point, by which standard errors become 95 % half-widths."""

Z_95 = 1.959964
